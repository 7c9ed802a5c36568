#!lua flags=allow-oom
-- Resolves holds whose time is over, oldest first, and removes counters of past windows that nobody can need any more.
--
-- KEYS: meta, writer, and the lists due, scopes, ends.
-- ARGV: 1-4 as in begin; 5 how long resolved holds are remembered (ms); 6 at most this many holds.
-- Result: {0, now, sequence, own, more, expired holds, how many due holds are broken}.
-- Allowed out of memory: it gives room back.
local LISTS = 3
--#include begin
--#include counter
--#include hold
local DUE, SCOPES, ENDS = KEYS[#KEYS - 2], KEYS[#KEYS - 1], KEYS[#KEYS]
--#include expiry
local LOOK_AT, LATER = 32, 3600000
expireSome(tonumber(ARGV[6]))

-- A counter goes when its window is over, nothing is held in it, and no hold of it is remembered any more.
local removed, later, empty = {}, {}, {}
local names = redis.call('ZRANGEBYSCORE', ENDS, '-inf', format('%d', now), 'LIMIT', '0', LOOK_AT)
if #names > 0 then
  local keys = {}
  for i, name in ipairs(names) do keys[i] = base .. 'c:' .. name end
  for i, value in ipairs(redis.call('MGET', unpack(keys))) do
    raw[keys[i]] = raw[keys[i]] or value or nil
    local counter = counterOf(keys[i])
    if not counter then
      -- Gone, or broken: then it stays, for somebody to look at.
      removed[#removed + 1] = names[i]
    else
      local t = counter.t
      local rests = t[25] > 0 and t[8] + t[25] or largest(t[24], t[8])
      local until_ = rests + tonumber(ARGV[5])
      if t[1] > 0 then until_ = now + LATER end
      if until_ > now or counter.dirty then
        later[#later + 1] = format('%d', largest(until_, now + 1))
        later[#later + 1] = names[i]
      else
        empty[#empty + 1] = keys[i]
        empty[#empty + 1] = descriptionKey(counter)
        removed[#removed + 1] = names[i]
      end
    end
  end
end

local enlist = writeCounters(SCOPES, ENDS, ARGV[5])
local remember = writeHolds(expiredHolds, ARGV[5])
redis.call('ZCARD', SCOPES)
writeAll()
noteSpentBefore()
remember()
if enlist then enlist() end
if #gone > 0 then redis.call('ZREM', DUE, unpack(gone)) end
if #empty > 0 then redis.call('DEL', unpack(empty)) end
if #removed > 0 then
  redis.call('ZREM', SCOPES, unpack(removed))
  redis.call('ZREM', ENDS, unpack(removed))
end
if #later > 0 then redis.call('ZADD', ENDS, unpack(later)) end
return { 0, now, sequence, own, now >= nextDue and now >= learningUntil and 1 or 0, expired, brokenHolds }
