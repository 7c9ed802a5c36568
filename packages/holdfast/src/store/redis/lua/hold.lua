-- Fragment: holds, one string value each. After `counter`.
--
-- Ten integers: 1 state, 2 whether dispatched, 3 reserved at, 4 expires at, 5-10 amounts; then a line for each scope:
-- scope key, window id, start, end, policy (c, r, q), separated by tabs; then, behind an empty line, what its
-- resolution has left: the operation, whether it corrected, what was charged (for a denial: the state of its scopes).
-- States: 1 live, 2 expired, 3 quarantined, 4 settled, 5 released, 6 never held: denied.
local HOLD = '>' .. string.rep('I8', 10)
local LIVE, EXPIRED, QUARANTINED, SETTLED, RELEASED, DENIED = 1, 2, 3, 4, 5, 6

-- The hold in a value; nil when it is none.
local function holdIn(key, value)
  if #value < 80 then return nil end
  local hold = { read(HOLD, value) }
  if largest(unpack(hold, 1, 10)) > MAX or hold[1] < LIVE or hold[1] > DENIED then return nil end
  hold.key, hold.amounts = key, { unpack(hold, 5, 10) }
  local gap = string.find(value, '\n\n', 81, true)
  hold.refs = sub(value, 81, gap and gap - 1)
  hold.extra = gap and sub(value, gap + 2)
  return hold
end

local function holdValue(hold)
  local value = pack(HOLD, unpack(hold, 1, 10)) .. hold.refs
  return hold.extra and value .. '\n\n' .. hold.extra or value
end

-- What the hold did to each of its counters when it expired, or would do: its policy, if the call may have been billed.
local function expiryPolicy(hold, ref)
  return hold[2] == 1 and sub(ref, -1) or 'r'
end

-- Reads the counters of holds that have not been read yet.
local function readCountersOf(holds)
  local keys, seen = {}, {}
  for _, hold in ipairs(holds) do
    for name in string.gmatch(hold.refs, '([^\t\n]*\t[^\t\n]*)\t[^\n]*') do
      local key = base .. 'c:' .. name
      if not counters[key] and not raw[key] and not seen[key] then
        seen[key] = true
        keys[#keys + 1] = key
      end
    end
  end
  if #keys == 0 then return end
  for i, value in ipairs(redis.call('MGET', unpack(keys))) do
    -- One that is of another kind is as broken as one that cannot be read.
    if not value and redis.call('EXISTS', keys[i]) > 0 then value = 'broken' end
    if value then raw[keys[i]] = value end
  end
end

-- The counters of a hold, in the order of its scopes, with its policies; nil when one of them is broken.
local function sharesOf(hold)
  local shares = {}
  for ref in string.gmatch(hold.refs, '[^\n]+') do
    local key = base .. 'c:' .. match(ref, '^[^\t]*\t[^\t]*')
    local counter = counterOf(key)
    if counter == false then return nil end
    -- One that somebody has removed begins anew, without limits or description, until it is used again.
    if not counter then counter = newCounter(key, ref, 0, '-,-,-,-,-,-,' .. sub(ref, -1) .. '\n', '0,0,') end
    shares[#shares + 1] = { counter = counter, policy = expiryPolicy(hold, ref) }
  end
  return shares
end

-- Ends a hold whose time is over, and answers the report of it.
local function expireHold(hold, shares)
  local quarantined = false
  for _, share in ipairs(shares) do
    if share.policy == 'q' then
      quarantined = true
    else
      unhold(share.counter, hold.amounts)
      if share.policy == 'c' then post(share.counter, hold[3], nil, hold.amounts) end
    end
  end
  hold[1] = quarantined and QUARANTINED or EXPIRED
  return { sub(hold.key, #base + 3), hold[2], hold.refs, textOf(hold.amounts, 1) }
end

-- Holds that are to be written at the end: for good while they hold something, else for as long as they are remembered.
local function writeHolds(holds, rememberMs)
  for _, hold in ipairs(holds) do
    if hold[1] == LIVE or hold[1] == QUARANTINED then
      writes[#writes + 1] = hold.key
      writes[#writes + 1] = holdValue(hold)
    end
  end
  return function()
    for _, hold in ipairs(holds) do
      if hold[1] ~= LIVE and hold[1] ~= QUARANTINED then
        redis.call('SET', hold.key, holdValue(hold), 'PX', rememberMs)
      end
    end
  end
end
