#!lua flags=allow-oom
-- Takes in what a process knows, after data was lost: what counters have spent, its open holds, and holds that it has
-- seen resolved. Any number of processes tell, in any order, each as often as it likes.
--
-- KEYS: meta, writer, two of each counter (itself and the note of what it had spent), the holds, and the lists due,
-- scopes, ends.
-- ARGV: 1-4 as in begin; 5 how long resolved holds are remembered (ms); 6 1 if the process has lived since the notes
-- began, and knows what they are for; 7 number of counters; then of each counter: a
-- line (as in hold), limits and policy, what tells them from others, description, a JSON list of six amounts and when they were seen; then of each
-- hold: a JSON list (state, dispatched, reserved at, expires at, six amounts), its lines, what its resolution left.
-- Result: {0, now, sequence, own, what each of the counters has spent by now}.
-- A counter gets what was announced, at least; what has been spent since the loss comes on top: the note says what it
-- was then (of a rolling window, in which slices). What is held is never announced: it follows from the holds. Resolving a hold here posts nothing, since what
-- it was charged is among what its counters are announced to have spent.
local LISTS = 3
--#include begin
--#include counter
--#include hold
local DUE, SCOPES, ENDS = KEYS[#KEYS - 2], KEYS[#KEYS - 1], KEYS[#KEYS]
local NOTE, NOTE_MS = '>I8I8I8I8I8I8', '86400000'
local notes, written, scores, gone, spent = {}, {}, {}, {}, {}

-- The slices of a rolling window as they were when the note was taken, and what was announced since.
local function slicesBefore(note, counter)
  local slices = {}
  if not note then
    for i, slice in ipairs(counter.slices) do slices[i] = { unpack(slice, 1, 7) } end
    return slices
  end
  local oldest = oldestSlice(counter.t)
  for at = 49, #note, 56 do
    local slice = { read(SLICE, note, at) }
    if slice[1] >= oldest then slices[#slices + 1] = slice end
  end
  return slices
end

-- In which slices an announced sum was spent is not said: all of it may have been in the last one. So that much is made
-- to stay until that leaves the window: what lies in older slices is moved up first, and only the rest is added.
local function mergeRolling(counter, before, announced)
  local t = counter.t
  local index = math.floor(announced[7] / (t[25] / t[26]))
  if index < oldestSlice(t) or largest(unpack(announced, 1, 6)) == 0 then return end
  local last, lastNow = sliceAt(before, index), sliceAt(counter.slices, index)
  for d = 2, 7 do
    local missing = announced[d - 1]
    for _, slice in ipairs(before) do
      if slice[1] >= index then missing = largest(0, missing - slice[d]) end
    end
    last[d], lastNow[d] = math.min(MAX, last[d] + missing), math.min(MAX, lastNow[d] + missing)
    for i = #before, 1, -1 do
      local slice = before[i]
      if slice[1] < index and missing > 0 and slice[d] > 0 then
        local moved, from = math.min(missing, slice[d]), sliceAt(counter.slices, slice[1])
        slice[d], from[d], missing = slice[d] - moved, largest(0, from[d] - moved), missing - moved
      end
    end
  end
  sumSlices(counter)
  touch(counter)
end

local argument, keyAt, lived = 8, 3, ARGV[6] == '1'
for _ = 1, tonumber(ARGV[7]) do
  local key, ref, announced = KEYS[keyAt], ARGV[argument], cjson.decode(ARGV[argument + 4])
  local note = values[keyAt + 1]
  raw[key] = raw[key] or values[keyAt] or nil
  local counter = counterOf(key)
  if counter == false then broken('a counter') end
  counter = counter or newCounter(key, ref, tonumber(ARGV[argument + 2]), ARGV[argument + 1], ARGV[argument + 3])
  if note and (#note < 48 or #note % 56 ~= 48) then broken('a note') end
  if lived then note = nil end
  local before = note and { read(NOTE, note) } or { unpack(counter.t, 9, 14) }
  local slices = counter.slices and slicesBefore(note, counter)
  if slices then
    mergeRolling(counter, slices, announced)
    for d = 1, 6 do before[d] = largest(before[d], announced[d]) end
  else
    local missing, any = {}, false
    for d = 1, 6 do
      missing[d] = largest(0, announced[d] - before[d])
      before[d] = before[d] + missing[d]
      any = any or missing[d] > 0
    end
    if any then post(counter, announced[7], nil, missing) end
  end
  spent[#spent + 1] = textOf(counter.t, 9)
  if not lived then
    notes[#notes + 1] = { KEYS[keyAt + 1], pack(NOTE, unpack(before, 1, 6)) .. packSlices(slices) }
  end
  keyAt, argument = keyAt + 2, argument + 5
end

local function holdAgain(hold)
  for _, share in ipairs(sharesOf(hold) or broken('a counter')) do
    local t = share.counter.t
    t[1] = t[1] + 1
    for d = 1, 6 do t[1 + d] = math.min(MAX, t[1 + d] + hold.amounts[d]) end
    touch(share.counter)
  end
end

local function schedule(hold)
  if hold[4] < nextDue then nextDue = hold[4] end
  scores[#scores + 1] = format('%d', hold[4])
  scores[#scores + 1] = sub(hold.key, #base + 3)
end

for at = keyAt, #KEYS - LISTS do
  local key, told = KEYS[at], cjson.decode(ARGV[argument])
  told.key, told.refs, told.amounts = key, ARGV[argument + 1], { unpack(told, 5, 10) }
  if ARGV[argument + 2] ~= '' then told.extra = ARGV[argument + 2] end
  argument = argument + 3
  local stored = values[at] and (holdIn(key, values[at]) or broken('a hold'))
  if not stored and redis.call('EXISTS', key) > 0 then broken('a hold') end
  readCountersOf({ stored or told })
  if not stored then
    if told[1] == LIVE then
      holdAgain(told)
      schedule(told)
    end
    written[#written + 1] = told
  elseif told[1] ~= LIVE and (stored[1] == LIVE or stored[1] == QUARANTINED) then
    local quarantined = stored[1] == QUARANTINED
    for _, share in ipairs(sharesOf(stored) or broken('a counter')) do
      if not quarantined or share.policy == 'q' then unhold(share.counter, stored.amounts) end
    end
    stored[1], stored.extra = told[1], told.extra
    gone[#gone + 1] = sub(key, #base + 3)
    written[#written + 1] = stored
  elseif told[1] == LIVE and stored[1] == LIVE and (told[2] > stored[2] or told[4] > stored[4]) then
    stored[2], stored[4] = largest(told[2], stored[2]), largest(told[4], stored[4])
    schedule(stored)
    written[#written + 1] = stored
  end
end

local enlist = writeCounters(SCOPES, ENDS, ARGV[5])
local remember = writeHolds(written, ARGV[5])
redis.call('ZCARD', DUE)
writeAll()
remember()
if enlist then enlist() end
if #scores > 0 then redis.call('ZADD', DUE, unpack(scores)) end
if #gone > 0 then redis.call('ZREM', DUE, unpack(gone)) end
for _, note in ipairs(notes) do redis.call('SET', note[1], note[2], 'PX', NOTE_MS) end
return { 0, now, sequence, own, spent }
