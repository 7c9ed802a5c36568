#!lua flags=allow-oom
-- Forgets a job.
--
-- KEYS: meta, writer, the record, and the lists jobs and jobends.
-- ARGV: 1-4 as in begin; 5 the name.
-- Result: {0, now, sequence, own}.
-- Allowed out of memory: it only gives room back.
local LISTS = 2
--#include begin
writeAll()
redis.call('DEL', KEYS[3])
redis.call('ZREM', KEYS[#KEYS - 1], ARGV[5])
redis.call('ZREM', KEYS[#KEYS], ARGV[5])
return { 0, now, sequence, own }
