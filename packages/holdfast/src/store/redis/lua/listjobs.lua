#!lua flags=no-writes
-- Lists jobs in the order of their names.
--
-- KEYS: meta, writer, and the list jobs.
-- ARGV: 1-4 as in begin; 5 the lowest name, as ZRANGE BYLEX takes it; 6 at most so many names are looked at.
-- Result: {0, now, sequence, own, records, the last name looked at or ""}.
-- Writes nothing, so it does not count in the sequence.
local LISTS = 1
--#include begin
sequence, own = sequence - 1, own - 1
local names = redis.call('ZRANGE', KEYS[#KEYS], ARGV[5], '+', 'BYLEX', 'LIMIT', '0', ARGV[6])
local records, keys = {}, {}
for i, name in ipairs(names) do
  keys[i] = base .. 'j:' .. name
end
local found = #keys > 0 and redis.call('MGET', unpack(keys)) or {}
for i in ipairs(names) do
  local value = found[i]
  if value and #value < 8 then broken('a job') end
  if value and read('>I8', value) > now then records[#records + 1] = sub(value, 9) end
end
return { 0, now, sequence, own, records, #names == tonumber(ARGV[6]) and names[#names] or '' }
