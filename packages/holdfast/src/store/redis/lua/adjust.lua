#!lua flags=allow-oom
-- Corrects what is spent in the scope's current window, by signed amounts.
--
-- KEYS: meta, writer, the finished operation, counters (one or two, by candidate window), and the lists scopes, ends.
-- ARGV: 1-4 as in begin; 5 how long operations are remembered (ms); 6 what tells this operation from another of its id;
-- 7 limits and policy, 8 what tells them from others; 9 description; 10 a JSON list of six amounts; then a line for each
-- candidate window.
-- Result: {0, now, sequence, own, answer}. Answers: {1, state, line} adjusted; {2, state, line} adjusted before; {3}
-- mismatch; {6} no candidate window is current; {11} out of range.
-- Allowed out of memory: what was spent is recorded, whatever the state of the server.
local LISTS = 2
--#include begin
--#include counter
local SCOPES, ENDS = KEYS[#KEYS - 1], KEYS[#KEYS]
local answer, remembered

local done = values[3]
if not done and redis.call('EXISTS', KEYS[3]) > 0 then broken('a finished operation') end

local function stateOf(counter, ref)
  local limits = limitsIn(ARGV[7])
  if now < overridesUntil then
    local value = redis.call('GET', base .. 'v:' .. match(ref, '^[^\t]*'))
    for at = 1, value and #value or 0, 56 do
      local override = { read(SLICE, value, at) }
      for d = 1, 6 do
        if override[1] > now and limits[d] ~= UNLIMITED then limits[d] = math.min(MAX, limits[d] + override[1 + d]) end
      end
    end
  end
  local numbers = {}
  for d = 1, 6 do
    numbers[d] = format('%d', counter.t[8 + d])
    numbers[6 + d] = format('%d', counter.t[1 + d])
    numbers[12 + d] = limits[d] == UNLIMITED and '-' or format('%d', limits[d])
  end
  return table.concat(numbers, ',')
end

local function current()
  for i = 11, #ARGV do
    local key = KEYS[i - 7]
    raw[key] = values[i - 7] or nil
    local from, to = match(ARGV[i], '^[^\t]*\t[^\t]*\t(-?%d+)\t(%d+)')
    if now >= tonumber(from) and now < tonumber(to) then
      local counter = counterOf(key)
      if counter == false then broken('a counter') end
      return key, ARGV[i], counter
    end
  end
end

-- Takes from the oldest slices first, so that none of them falls below nothing.
local function reduce(counter, dimension, amount)
  for _, slice in ipairs(counter.slices) do
    local taken = math.min(slice[1 + dimension], amount)
    slice[1 + dimension] = slice[1 + dimension] - taken
    amount = amount - taken
  end
end

local function adjust(key, ref, counter)
  local delta = cjson.decode(ARGV[10])
  local spent = counter and { unpack(counter.t, 9, 14) } or { 0, 0, 0, 0, 0, 0 }
  local add = {}
  for d = 1, 6 do
    local after = spent[d] + delta[d]
    if after < 0 or after > MAX then return { 11 } end
    add[d] = largest(0, delta[d])
  end
  counter = counter or newCounter(key, ref, tonumber(ARGV[8]), ARGV[7], ARGV[9])
  post(counter, now, nil, add)
  for d = 1, 6 do
    if delta[d] < 0 and d ~= 3 then
      if counter.slices then
        reduce(counter, d, -delta[d])
      else
        counter.t[8 + d] = counter.t[8 + d] + delta[d]
      end
    end
  end
  if counter.slices then sumSlices(counter) end
  local state = stateOf(counter, ref)
  remembered = 'adjust\n' .. ARGV[6] .. '\n' .. state .. '\n' .. ref
  return { 1, state, ref }
end

if done then
  local id, state, ref = match(done, '^adjust\n([^\n]*)\n([^\n]*)\n(.*)$')
  answer = id == ARGV[6] and { 2, state, ref } or { 3 }
else
  local key, ref, counter = current()
  answer = key and adjust(key, ref, counter) or { 6 }
end
local enlist = writeCounters(SCOPES, ENDS, ARGV[5])
writeAll()
noteSpentBefore()
if remembered then redis.call('SET', KEYS[3], remembered, 'PX', ARGV[5]) end
if enlist then enlist() end
return { 0, now, sequence, own, answer }
