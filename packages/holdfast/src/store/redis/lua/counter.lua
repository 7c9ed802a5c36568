-- Fragment: counters, one string value for each scope and window. After `begin`.
--
-- 27 integers: 1 live holds, 2-7 held, 8 last change, 9-14 spent, 15-20 limits (2^53: none), 21 start of the window,
-- 22 until when what is spent stands as it is (the end of the window, or when a slice leaves it), 23 what tells limits
-- and policy from others, 24 end of the window (2^53: none), 25 duration and 26 slices of a rolling window (0: it does
-- not roll), 27 slices that follow: seven integers for each that something was spent in (its index, the amounts; oldest
-- first), and one more zero, so that the length says whether the window rolls. The order of the six amounts is that of DIMENSIONS. The third, concurrentCalls, is only ever held.
-- Beside it (d: instead of c:), written once: limits and policy as text, a line feed, the description of the scope.
local COUNTER, SLICE = '>' .. string.rep('I8', 27), '>I8I8I8I8I8I8I8'
local HELD_PART, SPENT_PART = '>I8I8I8I8I8I8I8I8', '>I8I8I8I8I8I8I8I8I8I8I8I8I8I8'
-- Values as they were read; and those that are spread out to be worked on.
local raw, counters, changed = {}, {}, {}

local function sumSlices(counter)
  local t = counter.t
  for d = 1, 6 do
    local sum = 0
    for _, slice in ipairs(counter.slices) do sum = sum + slice[1 + d] end
    t[8 + d] = sum > MAX and MAX or sum
  end
end

local function oldestSlice(t)
  return math.floor(now / (t[25] / t[26])) - t[26]
end

-- Six numbers as text: a client may read a number near 2^53 inexactly, and a text never.
local function textOf(numbers, from)
  return format('%d,%d,%d,%d,%d,%d', unpack(numbers, from, from + 5))
end

local function touch(counter)
  if not counter.dirty then
    counter.dirty = true
    changed[#changed + 1] = counter
  end
  counter.t[8] = now
end

-- The counter of a key, spread out; nil when there is none, false when its value is none of ours.
local function counterOf(key)
  local counter = counters[key]
  if counter ~= nil then return counter end
  local value = raw[key]
  if not value then return nil end
  counters[key] = false
  if #value < 216 then return false end
  local t = { read(COUNTER, value) }
  if largest(unpack(t, 1, 14)) > MAX or largest(unpack(t, 15, 27)) > UNLIMITED then return false end
  if #value ~= 216 + t[27] * 56 + (t[25] > 0 and 8 or 0) or (t[25] == 0 and t[27] > 0) or (t[25] > 0 and t[26] == 0) then
    return false
  end
  counter = { key = key, t = t }
  if t[25] > 0 then
    local oldest = oldestSlice(t)
    counter.slices = {}
    for i = 1, t[27] do
      local slice = { read(SLICE, value, 217 + (i - 1) * 56) }
      if largest(unpack(slice, 1, 7)) > MAX then return false end
      if slice[1] >= oldest then counter.slices[#counter.slices + 1] = slice end
    end
    -- Some may have left the window. That is seen by whoever reads, and written by whoever writes.
    if #counter.slices < t[27] then sumSlices(counter) end
  end
  counters[key] = counter
  return counter
end

local function limitsIn(config)
  local limits = {}
  for limit in string.gmatch(config, '([^,\n]+),') do
    limits[#limits + 1] = limit == '-' and UNLIMITED or tonumber(limit)
  end
  return limits
end

-- A counter that is not there yet. `ref` names scope, window, start, end and policy; see hold.lua.
local function newCounter(key, ref, mark, config, description)
  if redis.call('EXISTS', key) > 0 then broken('a counter') end
  local from, to = match(ref, '^[^\t]*\t[^\t]*\t(-?%d+)\t(%d+)')
  local duration, slices, text = match(description, '^(%d+),(%d+),(.*)$')
  local counter = { key = key, created = true, described = config .. text }
  local l = limitsIn(config)
  counter.t = {
    0, 0, 0, 0, 0, 0, 0, now, 0, 0, 0, 0, 0, 0, l[1], l[2], l[3], l[4], l[5], l[6],
    largest(0, tonumber(from)), tonumber(to), mark, tonumber(to), tonumber(duration), tonumber(slices), 0,
  }
  if counter.t[25] > 0 then counter.slices = {} end
  counters[key] = counter
  touch(counter)
  return counter
end

-- The slice of an index; a new one in its place when there is none.
local function sliceAt(slices, index)
  local place = #slices + 1
  while place > 1 and slices[place - 1][1] > index do place = place - 1 end
  local slice = slices[place - 1]
  if not slice or slice[1] ~= index then
    slice = { index, 0, 0, 0, 0, 0, 0 }
    table.insert(slices, place, slice)
  end
  return slice
end

local function packSlices(slices)
  local packed = {}
  for i, slice in ipairs(slices or {}) do packed[i] = pack(SLICE, unpack(slice, 1, 7)) end
  return table.concat(packed)
end

local function descriptionKey(counter)
  return base .. 'd:' .. sub(counter.key, #base + 3)
end

-- The limits and policy of the counter from now on; `description` as in newCounter, or "" when it is there.
local function setConfig(counter, mark, config, description)
  local t = counter.t
  for d, limit in ipairs(limitsIn(config)) do t[14 + d] = limit end
  t[23] = mark
  local text = redis.call('GET', descriptionKey(counter))
  text = text and match(text, '\n(.*)$')
  local duration, slices, fresh = match(description, '^(%d+),(%d+),(.*)$')
  if (not text or text == '') and fresh then
    text = fresh
    -- One that had been removed under a hold of it, see sharesOf: it learns only now whether its window rolls.
    if t[25] == 0 and tonumber(duration) > 0 then
      t[25], t[26], counter.slices, counter.created = tonumber(duration), tonumber(slices), {}, true
      local slice = sliceAt(counter.slices, math.floor(now / (t[25] / t[26])))
      for d = 1, 6 do slice[1 + d] = t[8 + d] end
    end
  end
  counter.described = config .. (text or '')
end

local noting = now < learningUntil + NOTING_MS

-- In one slice (the one of `at`) and one step: takes `remove` away, down to nothing at most, then adds `add`. A slice
-- that has left its window counts for nothing any more.
local function post(counter, at, remove, add)
  local t, cell, offset = counter.t, counter.t, 8
  if noting and not counter.before then
    counter.before = pack('>I8I8I8I8I8I8', unpack(t, 9, 14)) .. packSlices(counter.slices)
  end
  if t[25] > 0 then
    local index = math.floor(at / (t[25] / t[26]))
    if index < oldestSlice(t) then return end
    cell, offset = sliceAt(counter.slices, index), 1
  end
  for d = 1, 6 do
    if d ~= 3 then
      local value = cell[offset + d]
      if remove then value = largest(0, value - remove[d]) end
      if add then value = value + add[d] end
      cell[offset + d] = value > MAX and MAX or value
    end
  end
  if t[25] > 0 then sumSlices(counter) end
  touch(counter)
end

local function unhold(counter, amounts)
  local t = counter.t
  t[1] = largest(0, t[1] - 1)
  for d = 1, 6 do t[1 + d] = largest(0, t[1 + d] - amounts[d]) end
  touch(counter)
end

local function valueOf(counter)
  local t = counter.t
  t[22], t[27] = t[24], counter.slices and #counter.slices or 0
  if t[27] > 0 then
    -- The first instant at which the oldest slice is out.
    local width = t[25] / t[26]
    t[22] = math.floor((counter.slices[1][1] + t[26] + 1) * width)
  end
  local value = pack(COUNTER, unpack(t, 1, 27))
  return t[25] > 0 and value .. packSlices(counter.slices) .. pack('>I8', 0) or value
end

-- Puts all changed counters among the writes. Counters that are new also go into the lists that find them again:
-- `scopes` by name, `ends` by when they may be removed. `rememberMs` as text.
local function writeCounters(scopes, ends, rememberMs)
  local created = {}
  for _, counter in ipairs(changed) do
    writes[#writes + 1] = counter.key
    writes[#writes + 1] = valueOf(counter)
    if counter.described then
      writes[#writes + 1] = descriptionKey(counter)
      writes[#writes + 1] = counter.described
    end
    if counter.created then created[#created + 1] = counter end
  end
  if #created == 0 then return nil end
  -- Reading them first shows a list that is none before anything is written.
  redis.call('ZCARD', scopes)
  redis.call('ZCARD', ends)
  return function()
    for _, counter in ipairs(created) do
      local name, t = sub(counter.key, #base + 3), counter.t
      redis.call('ZADD', scopes, '0', name)
      local removable = t[25] > 0 and now + t[25] or t[24]
      if removable < UNLIMITED then
        redis.call('ZADD', ends, format('%d', removable + tonumber(rememberMs)), name)
      end
    end
  end
end

-- While a loss of data is being made good, and when data is new (a process that knows of older data may still come),
-- the first change of what a counter has spent is preceded by a note of what it was, so that what others still announce
-- is added to what has been spent since; see restore.lua. Notes of what was before another loss are others.
local function noteKey(counterKey)
  return base .. 'l:' .. noteSet .. ':' .. sub(counterKey, #base + 3)
end
local function noteSpentBefore()
  if not noting then return end
  for _, counter in ipairs(changed) do
    if counter.before then
      redis.call('SET', noteKey(counter.key), counter.before, 'NX', 'PX', '86400000')
    end
  end
end
