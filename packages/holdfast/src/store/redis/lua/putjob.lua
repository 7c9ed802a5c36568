#!lua
-- Keeps what is known of a job, unless it is known already.
--
-- KEYS: meta, writer, the record, and the lists jobs (by name) and jobends (by the end of their lives).
-- ARGV: 1-4 as in begin; 5 the name; 6 the life in ms; 7 the record.
-- Result: {0, now, sequence, own}.
local LISTS = 2
--#include begin
local NAME, JOBS, ENDS = ARGV[5], KEYS[#KEYS - 1], KEYS[#KEYS]
local value = values[3]
if value and #value < 8 or not value and redis.call('EXISTS', KEYS[3]) > 0 then broken('a job') end
local isKnown = value and read('>I8', value) > now
local life = math.min(tonumber(ARGV[6]), 3000000000000)
local endsAt = math.min(MAX, now + life)
local over = redis.call('ZRANGEBYSCORE', ENDS, '-inf', format('%d', now), 'LIMIT', '0', '16')
writeAll()
for _, name in ipairs(over) do
  redis.call('DEL', base .. 'j:' .. name)
  redis.call('ZREM', JOBS, name)
  redis.call('ZREM', ENDS, name)
end
if not isKnown then
  -- A day longer than it counts, since the life of a key goes by another clock than ours.
  redis.call('SET', KEYS[3], pack('>I8', endsAt) .. ARGV[7], 'PX', format('%d', life + 86400000))
  redis.call('ZADD', JOBS, '0', NAME)
  redis.call('ZADD', ENDS, format('%d', endsAt), NAME)
end
return { 0, now, sequence, own }
