#!lua
-- Holds amounts in every scope of an operation, or in none; for one operation or for several, one after the other.
--
-- KEYS: meta, writer, counters (one or two of each scope, by candidate window), holds (one of each operation), and the
-- lists due, scopes, ends.
-- ARGV: 1-4 as in begin; 5 how long resolved holds are remembered, 6 denials (ms); 7 number of scopes; then of each
-- scope what tells its limits and policy from others, and if its counter is not believed to be there with just these:
-- "+" before it, and behind it limits and policy, description, "1" or "2" candidate windows, a line for each if two;
-- then of each operation, separated by commas: six amounts, life in ms, 1 to report what is still available, the numbers
-- of its scopes; and its lines, as in hold.
-- Result: {0, now, sequence, own, answers, expired holds, how many due holds are broken}; {0, now, sequence, own, n}
-- when all n are held in the only window sent. Answers: {1, windows, available} held; {2, reserved at, lines, state,
-- expires at} held before; {3, denied at, states, lines} denied; {4, ...} denied before; {5} mismatch; {6} no candidate
-- window is current; {7} holds that are due stand in the way, more than fit one script: ask again; {8} a description
-- is missing; {9} a value is broken; {10, until} data was lost, and nothing is admitted yet.
-- Not allowed out of memory: nothing new is held when the server cannot keep it.
local LISTS = 3
--#include begin

-- The usual case comes first, and needs nothing of what follows: every counter is there, with the limits sent, in its
-- window, and has room; no hold is due, no override in force. Values are changed as they are, by their first numbers.
-- Stops at the first operation that is not so.
local HOLD, HELD_PART = '>I8I8I8I8I8I8I8I8I8I8', '>I8I8I8I8I8I8I8I8'
local UNTIL_MARK = '>I8I8I8I8I8I8I8I8I8I8I8I8I8I8I8I8I8I8I8I8I8I8I8'
local argument, keyAt, held, plain, scores, usual, count = 8, 3, 0, {}, {}, nil, tonumber(ARGV[7])
usual = now < nextDue and now >= overridesUntil and now >= learningUntil
for i = 8, 7 + count do
  if ARGV[i] == '+' then usual = false break end
end
if usual then
  local made, seen = {}, {}
  argument, keyAt = 8 + count, 3 + count
  while argument < #ARGV do
    local key = KEYS[keyAt]
    local a1, a2, a3, a4, a5, a6, life, i1, i2, i3, i4 =
      match(ARGV[argument], '^(%d+),(%d+),(%d+),(%d+),(%d+),(%d+),(%d+),0,?(%d*),?(%d*),?(%d*),?(%d*)$')
    if not a1 or i1 == '' or values[keyAt] or seen[key] then break end
    a1, a2, a3, a4, a5, a6 = tonumber(a1), tonumber(a2), tonumber(a3), tonumber(a4), tonumber(a5), tonumber(a6)
    local chosen = { tonumber(i1), tonumber(i2), tonumber(i3), tonumber(i4) }
    local fits = true
    for i = 1, #chosen do
      local value = values[2 + chosen[i]]
      if not value or #value < 216 then fits = false break end
      local n, h1, h2, h3, h4, h5, h6, _, s1, s2, s3, s4, s5, s6, l1, l2, l3, l4, l5, l6, from, to, mark =
        read(UNTIL_MARK, value)
      if l1 == UNLIMITED then l1, s1 = MAX, 0 end
      if l2 == UNLIMITED then l2, s2 = MAX, 0 end
      if l3 == UNLIMITED then l3, s3 = MAX, 0 end
      if l4 == UNLIMITED then l4, s4 = MAX, 0 end
      if l5 == UNLIMITED then l5, s5 = MAX, 0 end
      if l6 == UNLIMITED then l6, s6 = MAX, 0 end
      -- Nothing that is read is below 0, and no limit above MAX: what is not as it should be does not fit.
      if mark ~= tonumber(ARGV[7 + chosen[i]]) or now < from or now >= to
        or largest(l1, l2, l3, l4, l5, l6, n) > MAX
        or a1 > l1 - s1 - h1 or a2 > l2 - s2 - h2 or a3 > l3 - s3 - h3
        or a4 > l4 - s4 - h4 or a5 > l5 - s5 - h5 or a6 > l6 - s6 - h6
      then fits = false break end
      made[i] = pack(HELD_PART, n + 1, h1 + a1, h2 + a2, h3 + a3, h4 + a4, h5 + a5, h6 + a6, now) .. sub(value, 65)
    end
    if not fits then break end
    for i = 1, #chosen do
      values[2 + chosen[i]], plain[chosen[i]] = made[i], true
    end
    local endsAt = now + tonumber(life)
    if endsAt > MAX then endsAt = MAX end
    if endsAt < nextDue then nextDue = endsAt end
    local value = pack(HOLD, 1, 0, now, endsAt, a1, a2, a3, a4, a5, a6) .. ARGV[argument + 1]
    held, seen[key], values[keyAt] = held + 1, true, value
    writes[#writes + 1] = key
    writes[#writes + 1] = value
    scores[#scores + 1] = format('%d', endsAt)
    scores[#scores + 1] = sub(key, #base + 3)
    argument, keyAt = argument + 2, keyAt + 1
  end
  for i in pairs(plain) do
    writes[#writes + 1] = KEYS[2 + i]
    writes[#writes + 1] = values[2 + i]
  end
  if argument > #ARGV then
    redis.call('ZADD', KEYS[#KEYS - 2], unpack(scores))
    writeAll()
    return { 0, now, sequence, own, held }
  end
end

--#include counter
--#include hold
local DUE, SCOPES, ENDS = KEYS[#KEYS - 2], KEYS[#KEYS - 1], KEYS[#KEYS]
--#include expiry
local IN_PASSING, AT_MOST = 16, 64
local answers, newHolds, denials = {}, {}, {}

local scopes = {}
argument, keyAt = 8, 3
for i = 1, tonumber(ARGV[7]) do
  local mark, scope = ARGV[argument], { keyAt = keyAt, candidates = 1 }
  if mark == '+' then
    mark, scope.config, scope.description = ARGV[argument + 1], ARGV[argument + 2], ARGV[argument + 3]
    if ARGV[argument + 4] == '2' then
      scope.candidates, scope.refAt = 2, argument + 5
      argument = argument + 2
      raw[KEYS[keyAt + 1]] = values[keyAt + 1] or nil
    end
    argument = argument + 4
  end
  scope.mark = tonumber(mark)
  raw[KEYS[keyAt]] = values[keyAt] or nil
  scopes[i], argument, keyAt = scope, argument + 1, keyAt + scope.candidates
end

-- Finds the window that is current: 6 when none of those sent is, 8 when there is no counter and no description, 9 when
-- the counter is broken.
local function choose(scope)
  for i = 0, scope.candidates - 1 do
    local key, ref = KEYS[scope.keyAt + i], scope.refAt and ARGV[scope.refAt + i] or scope.ref
    local counter, from, to = counterOf(key), nil, nil
    if counter == false then return 9 end
    if counter then
      from, to = counter.t[21], counter.t[24]
    else
      from, to = match(ref, '^[^\t]*\t[^\t]*\t(-?%d+)\t(%d+)')
      from, to = tonumber(from), tonumber(to)
    end
    if now >= from and now < to then
      if not scope.config and (not counter or counter.t[23] ~= scope.mark) then return 8 end
      scope.key, scope.ref, scope.choice = key, ref, i
      return nil
    end
  end
  return 6
end

-- The limits of the operation and where they begin in the list. The ones stored are those, unless they have changed.
local function limitsOf(scope, counter)
  if scope.own then return scope.own, 0 end
  if now < overridesUntil then
    local limits = scope.config and limitsIn(scope.config) or { unpack(counter.t, 15, 20) }
    local value = redis.call('GET', base .. 'v:' .. match(scope.ref, '^[^\t]*'))
    for at = 1, value and #value or 0, 56 do
      local override = { read(SLICE, value, at) }
      if override[1] > now then
        for d = 1, 6 do
          if limits[d] ~= UNLIMITED then limits[d] = math.min(MAX, limits[d] + override[1 + d]) end
        end
      end
    end
    scope.own = limits
    return limits, 0
  end
  if counter and counter.t[23] == scope.mark then return counter.t, 14 end
  scope.own = limitsIn(scope.config)
  return scope.own, 0
end

local function fits(operation)
  for i = 9, #operation do
    local scope = scopes[operation[i]]
    local counter = counters[scope.key]
    local limits, offset = limitsOf(scope, counter)
    local t = counter and counter.t
    for d = 1, 6 do
      local wanted = operation[d]
      if wanted > 0 then
        local limit, held, spent = limits[offset + d], 0, 0
        if t then held, spent = t[1 + d], t[8 + d] end
        -- Subtracting stays exact where it matters; adding up could pass 2^53.
        if limit == UNLIMITED then
          if wanted > MAX - held then return false end
        elseif wanted > limit - spent - held then
          return false
        end
      end
    end
  end
  return true
end

local function available(operation)
  local least = { UNLIMITED, UNLIMITED, UNLIMITED, UNLIMITED, UNLIMITED, UNLIMITED }
  for i = 9, #operation do
    local scope = scopes[operation[i]]
    local t = counters[scope.key].t
    local limits, offset = limitsOf(scope, counters[scope.key])
    for d = 1, 6 do
      if limits[offset + d] ~= UNLIMITED then
        local free = largest(0, limits[offset + d] - t[8 + d] - t[1 + d])
        if free < least[d] then least[d] = free end
      end
    end
  end
  return least
end

local function refsOf(operation)
  local refs = {}
  for i = 9, #operation do refs[i - 8] = scopes[operation[i]].ref end
  return table.concat(refs, '\n')
end

local function hold(key, operation)
  local windows = ''
  for i = 9, #operation do
    local scope = scopes[operation[i]]
    local counter = counters[scope.key]
      or newCounter(scope.key, scope.ref, scope.mark, scope.config, scope.description)
    local t = counter.t
    t[1] = t[1] + 1
    for d = 1, 6 do
      -- Within MAX: an amount that is not limited was checked against it too.
      t[1 + d] = t[1 + d] + operation[d]
    end
    if t[23] ~= scope.mark then setConfig(counter, scope.mark, scope.config, scope.description) end
    touch(counter)
    if scope.candidates == 2 then windows = windows .. sub('01', scope.choice + 1, scope.choice + 1) else windows = windows .. '0' end
  end
  local endsAt = now + operation[7]
  if endsAt > MAX then endsAt = MAX end
  if endsAt < nextDue then nextDue = endsAt end
  local made = { LIVE, 0, now, endsAt, unpack(operation, 1, 6) }
  made.key, made.refs, made.amounts = key, refsOf(operation), { unpack(operation, 1, 6) }
  newHolds[#newHolds + 1] = made
  scores[#scores + 1] = format('%d', endsAt)
  scores[#scores + 1] = sub(key, #base + 3)
  local answer = { 1, windows }
  if operation[8] == 1 then
    answer[3] = textOf(available(operation), 1)
  end
  return answer, made
end

local function deny(key, operation)
  local states = {}
  for i = 9, #operation do
    local scope = scopes[operation[i]]
    local counter = counters[scope.key]
    local limits, offset = limitsOf(scope, counter)
    local numbers = {}
    for d = 1, 6 do
      numbers[d] = format('%d', counter and counter.t[8 + d] or 0)
      numbers[6 + d] = format('%d', counter and counter.t[1 + d] or 0)
      numbers[12 + d] = limits[offset + d] == UNLIMITED and '-' or format('%d', limits[offset + d])
    end
    states[i - 8] = table.concat(numbers, ',')
  end
  local made = { DENIED, 0, now, 0, unpack(operation, 1, 6) }
  made.key, made.refs, made.amounts = key, refsOf(operation), { unpack(operation, 1, 6) }
  made.extra = table.concat(states, '\n')
  denials[#denials + 1] = made
  return { 3, now, made.extra, made.refs }, made
end

-- The answer to an operation that was answered before.
local function again(earlier, operation)
  local same, i = true, 8
  for d = 1, 6 do same = same and earlier.amounts[d] == operation[d] end
  for name in string.gmatch(earlier.refs, '([^\t\n]*)\t[^\n]*') do
    i = i + 1
    same = same and operation[i] ~= nil and match(scopes[operation[i]].ref, '^[^\t]*') == name
  end
  if not same or i ~= #operation then return { 5 } end
  if earlier[1] == DENIED then return { 4, earlier[3], earlier.extra, earlier.refs } end
  return { 2, earlier[3], earlier.refs, earlier[1], earlier[4] }
end

local function answerTo(key, operation)
  if now < learningUntil then return { 10, learningUntil } end
  for i = 9, #operation do
    local scope = scopes[operation[i]]
    if not scope.key then
      local failed = choose(scope)
      if failed then return { failed } end
    end
  end
  if taken == 0 then expireSome(IN_PASSING) end
  local ok = fits(operation)
  while not ok and now >= nextDue do
    -- A hold whose time is over never causes a denial.
    if taken >= AT_MOST then return { 7 } end
    expireSome(AT_MOST - taken)
    ok = fits(operation)
  end
  if ok then return hold(key, operation) end
  return deny(key, operation)
end

local answered = {}
for _ = 1, held do answers[#answers + 1] = { 1, '' } end
-- Those that are held already are among the values read.
for at = keyAt, keyAt + held - 1 do answered[KEYS[at]] = values[at] end
argument, keyAt = argument + 2 * held, keyAt + held
for i = argument, #ARGV, 2 do
  local key = KEYS[keyAt]
  local operation, place = cjson.decode('[' .. ARGV[i] .. ']'), 8
  for line in string.gmatch(ARGV[i + 1], '[^\n]+') do
    place = place + 1
    local scope = scopes[operation[place]]
    scope.ref = scope.ref or line
  end
  local earlier = answered[key] or values[keyAt]
  if type(earlier) == 'string' then earlier = holdIn(key, earlier) or { 9 } end
  local answer
  if not earlier then
    answer, answered[key] = answerTo(key, operation)
  elseif earlier[1] == 9 then
    answer = earlier
  else
    answer = again(earlier, operation)
  end
  answers[#answers + 1] = answer
  keyAt = keyAt + 1
end

for _, made in ipairs(expiredHolds) do newHolds[#newHolds + 1] = made end
local enlist = writeCounters(SCOPES, ENDS, ARGV[5])
local remember = writeHolds(newHolds, ARGV[5])
-- The list, which expireSome goes by, does not have the holds of this very script yet.
for i = 1, #scores, 2 do nextDue = math.min(nextDue, tonumber(scores[i])) end
-- First what could fail, should the list be none; nothing behind it can.
if #scores > 0 then redis.call('ZADD', DUE, unpack(scores)) end
writeAll()
if enlist then enlist() end
if #expiredHolds > 0 then
  noteSpentBefore()
  remember()
end
if #gone > 0 then redis.call('ZREM', DUE, unpack(gone)) end
for _, denial in ipairs(denials) do redis.call('SET', denial.key, holdValue(denial), 'PX', ARGV[6]) end
return { 0, now, sequence, own, answers, expired, brokenHolds }
