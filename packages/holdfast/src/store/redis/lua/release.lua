#!lua flags=allow-oom
-- Gives holds back: nothing was billed; for one operation or for several.
--
-- KEYS: meta, writer, holds (one of each operation), counters that are believed to be theirs, and the lists due, scopes,
-- ends.
-- ARGV: 1-4 as in begin; 5 how long resolved holds are remembered (ms); 6 number of operations; then the id of each.
-- Result: {0, now, sequence, own, answers}. Answers: {1} released; {2} released before, by this operation; {4} unknown;
-- {5, state, report} already resolved (2 expired, 4 settled, 5 released); {9} a value is broken.
-- Allowed out of memory: it only gives room back.
local LISTS = 3
--#include begin
--#include counter
--#include hold
local DUE, HOLDS = KEYS[#KEYS - 2], tonumber(ARGV[6])
--#include known
readKnownCounters()
local answers = {}
for i = 1, HOLDS do
  local hold, report, bad = knownHold(i, true)
  local id = ARGV[6 + i]
  if bad then
    answers[i] = { 9 }
  elseif not hold then
    answers[i] = { 4 }
  elseif hold[1] == LIVE or hold[1] == QUARANTINED then
    local quarantined = hold[1] == QUARANTINED
    for _, share in ipairs(hold.shares) do
      -- Of a quarantined hold only the quarantined shares are still held.
      if not quarantined or share.policy == 'q' then unhold(share.counter, hold.amounts) end
    end
    hold[1], hold.extra = RELEASED, id
    leave(hold)
    answers[i] = { 1, 0, 0, report or 0 }
  elseif hold[1] == RELEASED and hold.extra == id then
    answers[i] = { 2 }
  else
    answers[i] = refused(hold, report)
  end
end
writeKnown(ARGV[5])
return { 0, now, sequence, own, answers }
