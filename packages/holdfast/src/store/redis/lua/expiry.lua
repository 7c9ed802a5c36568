-- Fragment: holds whose time is over are resolved, oldest first. After `hold`.
-- Expects DUE, the list of live holds by the time of their end. Nothing is written before writeExpired.
local expired, expiredHolds, gone, taken, brokenHolds = {}, {}, {}, 0, 0

-- Resolves up to `limit` of them. While processes still tell what they know, none: they may have been resolved.
local function expireSome(limit)
  if now < nextDue or now < learningUntil then return end
  local due = redis.call('ZRANGE', DUE, format('%d', taken), format('%d', taken + limit), 'WITHSCORES')
  local keys = {}
  nextDue = UNLIMITED
  for i = 1, #due, 2 do
    local at = tonumber(due[i + 1])
    if at > now or #keys == limit then
      nextDue = at
      break
    end
    keys[#keys + 1] = base .. 'h:' .. due[i]
  end
  if #keys == 0 then return end
  taken = taken + #keys
  local holds = {}
  for i, value in ipairs(redis.call('MGET', unpack(keys))) do
    local hold = value and holdIn(keys[i], value)
    gone[#gone + 1] = sub(keys[i], #base + 3)
    if hold and hold[1] == LIVE then holds[#holds + 1] = hold end
    if value and not hold then brokenHolds = brokenHolds + 1 end
  end
  readCountersOf(holds)
  for _, hold in ipairs(holds) do
    -- A hold that cannot be read, or whose counter cannot, leaves the list and stays as it is: what it holds stays held.
    local shares = sharesOf(hold)
    if shares then
      expired[#expired + 1] = expireHold(hold, shares)
      expiredHolds[#expiredHolds + 1] = hold
    else
      brokenHolds = brokenHolds + 1
    end
  end
end
