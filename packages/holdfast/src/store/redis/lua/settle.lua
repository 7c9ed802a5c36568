#!lua flags=allow-oom
-- Replaces holds by the truth, each once, in the windows that admitted it; for one operation or for several.
--
-- KEYS: meta, writer, holds (one of each operation), counters that are believed to be theirs, and the lists due, scopes,
-- ends.
-- ARGV: 1-4 as in begin; 5 how long resolved holds are remembered (ms); 6 number of operations; then of each its id, six
-- amounts, the lines of its hold as far as the client knows them, and which KEYS are its counters: all separated by
-- commas but the lines; both "" when it does not know.
-- Result: {0, now, sequence, own, answers}. Answers: {1, corrected, held, report or 0, spent...} settled, with what each
-- of its counters has spent by now; {2, corrected, held, 0, spent...} settled before, by this operation (nothing
-- spent when one of its counters is gone or broken); {3} mismatch; {4} unknown;
-- {5, state, report} already resolved (4 settled, 5 released); {6, spent...} settled in time, the hold being as the
-- client knows it; {9} a value is broken.
-- Allowed out of memory: what was spent is recorded, whatever the state of the server.
local LISTS = 3
--#include begin

-- The usual case comes first, and needs nothing of what follows: the hold is live and as the client knows it, no window
-- rolls, nothing is near 2^53. Values are changed as they are, by their first numbers. Stops at the first operation that
-- is not so.
local HOLD, SPENT_PART = '>I8I8I8I8I8I8I8I8I8I8', '>I8I8I8I8I8I8I8I8I8I8I8I8I8I8'
local NEAR_MAX = 4503599627370496
local HOLDS, settled, answers, changedAt, left, plainHolds = tonumber(ARGV[6]), 0, {}, {}, {}, {}
local spentBefore = {}
while settled < HOLDS do
  local at, argument = 3 + settled, 7 + 4 * settled
  local value, lines = values[at], ARGV[argument + 2]
  local text = ARGV[argument + 1]
  local c1, c2, c4, c5, c6, i1, i2, i3, i4
  if not value or lines == '' or sub(value, 81) ~= lines then break end
  c1, c2, c4, c5, c6 = match(text, '^(%d+),(%d+),%d+,(%d+),(%d+),(%d+)$')
  i1, i2, i3, i4 = match(ARGV[argument + 3], '^(%d+),?(%d*),?(%d*),?(%d*)$')
  local state, dispatched, reservedAt, endsAt, a1, a2, a3, a4, a5, a6 = read(HOLD, value)
  if not i1 or state ~= 1 or endsAt <= now then break end
  c1, c2, c4, c5, c6 = tonumber(c1), tonumber(c2), tonumber(c4), tonumber(c5), tonumber(c6)
  local chosen, made, answer = { tonumber(i1), tonumber(i2), tonumber(i3), tonumber(i4) }, {}, { 6 }
  local fits = true
  for i = 1, #chosen do
    local counter = values[chosen[i]]
    if not counter or #counter ~= 216 then fits = false break end
    local n, h1, h2, h3, h4, h5, h6, _, s1, s2, s3, s4, s5, s6 = read(SPENT_PART, counter)
    h1, h2, h3, h4, h5, h6 = h1 - a1, h2 - a2, h3 - a3, h4 - a4, h5 - a5, h6 - a6
    s1, s2, s4, s5, s6 = s1 + c1, s2 + c2, s4 + c4, s5 + c5, s6 + c6
    if n < 1 or h1 < 0 or h2 < 0 or h3 < 0 or h4 < 0 or h5 < 0 or h6 < 0
      or largest(n, h1, h2, h3, h4, h5, h6, s1, s2, s3, s4, s5, s6) > NEAR_MAX
    then fits = false break end
    made[i] = pack(SPENT_PART, n - 1, h1, h2, h3, h4, h5, h6, now, s1, s2, s3, s4, s5, s6) .. sub(counter, 113)
    answer[1 + i] = { s1, s2, s3, s4, s5, s6 }
  end
  if not fits then break end
  for i = 1, #chosen do
    local place = chosen[i]
    -- The six that are spent, as they are stored; see noteSpentBefore.
    if not spentBefore[KEYS[place]] then spentBefore[KEYS[place]] = sub(values[place], 65, 112) end
    values[place], changedAt[place] = made[i], true
  end
  settled = settled + 1
  value = pack(HOLD, 4, dispatched, reservedAt, endsAt, a1, a2, a3, a4, a5, a6)
    .. lines .. '\n\n' .. ARGV[argument] .. '\t0\t' .. text
  -- The same hold may come again in this batch.
  for i = at, 2 + HOLDS do
    if KEYS[i] == KEYS[at] then values[i] = value end
  end
  answers[settled], left[settled], plainHolds[settled] = answer, sub(KEYS[at], #base + 3), value
end
for i in pairs(changedAt) do
  writes[#writes + 1] = KEYS[i]
  writes[#writes + 1] = values[i]
end
local function writePlainly()
  if now < learningUntil + NOTING_MS then
    for key, spent in pairs(spentBefore) do
      redis.call('SET', base .. 'l:' .. noteSet .. ':' .. sub(key, #base + 3), spent, 'NX', 'PX', '86400000')
    end
  end
  for i = 1, settled do redis.call('SET', KEYS[2 + i], plainHolds[i], 'PX', ARGV[5]) end
end
if settled == HOLDS then
  redis.call('ZREM', KEYS[#KEYS - 2], unpack(left))
  writeAll()
  writePlainly()
  return { 0, now, sequence, own, answers }
end

--#include counter
--#include hold
local DUE = KEYS[#KEYS - 2]
--#include known
readKnownCounters()

local function settle(hold, text, report)
  local late, charged = hold[1] ~= LIVE, {}
  for amount in string.gmatch(text, '%d+') do charged[#charged + 1] = tonumber(amount) end
  local answer = { 1, late and 1 or 0, textOf(hold.amounts, 1), report or 0 }
  for _, share in ipairs(hold.shares) do
    local counter = share.counter
    if not late or share.policy == 'q' then unhold(counter, hold.amounts) end
    post(counter, hold[3], late and share.policy == 'c' and hold.amounts or nil, charged)
    answer[#answer + 1] = textOf(counter.t, 9)
  end
  return answer
end

-- What the counters of a hold have spent by now, behind the beginning of an answer; nothing when that cannot be said.
local function withSpent(answer, hold)
  local head = #answer
  readCountersOf({ hold })
  for name in string.gmatch(hold.refs, '([^\t\n]*\t[^\t\n]*)\t[^\n]*') do
    local counter = counterOf(base .. 'c:' .. name)
    if not counter then return { unpack(answer, 1, head) } end
    answer[#answer + 1] = textOf(counter.t, 9)
  end
  return answer
end

for i = 1, settled do gone[#gone + 1] = left[i] end
for i = settled + 1, HOLDS do
  local hold, report, bad = knownHold(i, true)
  local id, text = ARGV[3 + 4 * i], ARGV[4 + 4 * i]
  if bad then
    answers[i] = { 9 }
  elseif not hold then
    answers[i] = { 4 }
  elseif hold[1] == SETTLED then
    local by, corrected, charged = match(hold.extra or '', '^([^\t]*)\t(%d)\t([%d,]*)$')
    if by ~= id then
      answers[i] = refused(hold)
    elseif charged ~= text then
      answers[i] = { 3 }
    else
      answers[i] = withSpent({ 2, tonumber(corrected), textOf(hold.amounts, 1), 0 }, hold)
    end
  elseif hold[1] == RELEASED then
    answers[i] = refused(hold)
  else
    local answer = settle(hold, text, report)
    hold[1], hold.extra = SETTLED, id .. '\t' .. (answer[2] == 1 and '1' or '0') .. '\t' .. text
    leave(hold)
    answers[i] = answer
  end
end
-- What was settled plainly came first.
for _, counter in ipairs(changed) do
  if counter.before then counter.before = spentBefore[counter.key] or counter.before end
end
writeKnown(ARGV[5])
writePlainly()
return { 0, now, sequence, own, answers }
