#!lua flags=allow-oom
-- Keeps a hold alive; for one operation.
--
-- KEYS: meta, writer, hold, the finished operation, and the lists due, scopes, ends.
-- ARGV: 1-4 as in begin; 5 how long operations and resolved holds are remembered (ms); 6 the life in ms.
-- Result: {0, now, sequence, own, answer}. Answers: {1, expires at} renewed; {2, expires at} renewed before; {4}
-- unknown; {5, state, report} already resolved (2 expired, 4 settled, 5 released); {9} a value is broken.
-- Allowed out of memory: it admits nothing, and a call that runs must not lose its hold.
local LISTS = 3
--#include begin
local done = values[4]
if not done and redis.call('EXISTS', KEYS[4]) > 0 then broken('a finished operation') end
values[4] = nil
--#include counter
--#include hold
local DUE, HOLDS = KEYS[#KEYS - 2], 1
--#include known
local hold, report, bad = knownHold(1)
local answer, remembered
if bad then
  answer = { 9 }
elseif not hold then
  answer = { 4 }
elseif hold[1] ~= LIVE then
  answer = refused(hold, report)
else
  local before = done and match(done, '^renew (%d+)$')
  if before then
    answer = { 2, tonumber(before) }
  else
    local endsAt = now + tonumber(ARGV[6])
    if endsAt > hold[4] then schedule(hold, endsAt) end
    answer = { 1, hold[4] }
    if not done then remembered = format('renew %d', hold[4]) end
  end
end
writeKnown(ARGV[5])
if remembered then redis.call('SET', KEYS[4], remembered, 'PX', ARGV[5]) end
return { 0, now, sequence, own, answer }
