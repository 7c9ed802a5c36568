#!lua flags=no-writes
-- What is known of a job.
--
-- KEYS: meta, writer, the record.
-- ARGV: 1-4 as in begin.
-- Result: {0, now, sequence, own, the record or ""}.
-- Writes nothing, so it does not count in the sequence.
local LISTS = 0
--#include begin
sequence, own = sequence - 1, own - 1
local value = values[3]
if value and #value < 8 or not value and redis.call('EXISTS', KEYS[3]) > 0 then broken('a job') end
return { 0, now, sequence, own, value and read('>I8', value) > now and sub(value, 9) or '' }
