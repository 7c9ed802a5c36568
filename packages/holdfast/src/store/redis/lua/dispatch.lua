#!lua flags=allow-oom
-- Marks holds as "may be billed" and gives them their long life; for one operation or for several.
--
-- KEYS: meta, writer, holds (one of each operation), counters that are believed to be theirs, and the lists due, scopes,
-- ends.
-- ARGV: 1-4 as in begin; 5 how long resolved holds are remembered (ms); 6 number of operations; then of each the life
-- in ms.
-- Result: {0, now, sequence, own, answers}. Answers: {1} dispatched; {2} dispatched before; {4} unknown;
-- {5, state, report} already resolved (2 expired, 4 settled, 5 released); {9} a value is broken.
-- Allowed out of memory: it admits nothing, and a call whose money is held must not fail between two steps. The value
-- does not grow.
local LISTS = 3
--#include begin

-- The usual case comes first, and needs nothing of what follows: all holds are live and not yet dispatched.
local HOLD_HEAD, HOLDS, answers, heads, scores, seen = '>I8I8I8I8', tonumber(ARGV[6]), {}, {}, {}, {}
for i = 1, HOLDS do
  local key, value = KEYS[2 + i], values[2 + i]
  if not value or #value < 80 or seen[key] then break end
  local state, dispatched, reservedAt, endsAt = read(HOLD_HEAD, value)
  if state ~= 1 or dispatched ~= 0 or endsAt <= now or largest(reservedAt, endsAt) > MAX then break end
  endsAt = math.min(MAX, now + tonumber(ARGV[6 + i]))
  heads[i], answers[i], seen[key] = pack(HOLD_HEAD, 1, 1, reservedAt, endsAt) .. sub(value, 33), { 1 }, true
  scores[2 * i - 1], scores[2 * i] = format('%d', endsAt), sub(key, #base + 3)
  if endsAt < nextDue then nextDue = endsAt end
end
if #heads == HOLDS then
  for i = 1, HOLDS do writes[3 + 2 * i], writes[4 + 2 * i] = KEYS[2 + i], heads[i] end
  redis.call('ZADD', KEYS[#KEYS - 2], unpack(scores))
  writeAll()
  return { 0, now, sequence, own, answers }
end

--#include counter
--#include hold
local DUE = KEYS[#KEYS - 2]
--#include known
answers = {}
for i = 1, HOLDS do
  local hold, report, bad = knownHold(i)
  if bad then
    answers[i] = { 9 }
  elseif not hold then
    answers[i] = { 4 }
  elseif hold[1] ~= LIVE then
    answers[i] = refused(hold, report)
  elseif hold[2] == 1 then
    answers[i] = { 2 }
  else
    hold[2] = 1
    schedule(hold, now + tonumber(ARGV[6 + i]))
    answers[i] = { 1 }
  end
end
writeKnown(ARGV[5])
return { 0, now, sequence, own, answers }
