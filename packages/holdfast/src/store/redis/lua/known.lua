-- Fragment: the holds that a script is about, KEYS[3] and on, one for each operation. After `hold`.
-- Expects DUE, and HOLDS, how many they are. Behind them in KEYS come counters that the client believes to be theirs:
-- they were read in the same step. Nothing is written before writeKnown.
local known, touched, scores, gone, reports, notOurs = {}, {}, {}, {}, {}, 3 + HOLDS
for i = notOurs, #KEYS - LISTS do
  if values[i] then raw[KEYS[i]] = values[i] end
end
for i = 3, notOurs - 1 do
  local key = KEYS[i]
  if known[key] == nil then
    local hold = values[i] and holdIn(key, values[i])
    if not hold and (values[i] or redis.call('EXISTS', key) > 0) then hold = { broken = true, refs = '' } end
    known[key] = (hold and hold[1] ~= DENIED) and hold or false
  end
end

-- The counters of all of them in one step, when they are going to be needed.
local function readKnownCounters()
  local holds = {}
  for _, hold in pairs(known) do
    if hold then holds[#holds + 1] = hold end
  end
  readCountersOf(holds)
end

local function touchHold(hold)
  if not hold.touched then
    hold.touched = true
    touched[#touched + 1] = hold
  end
end

-- The hold of an operation, after it has been expired if its time is over; then also the report of that. While
-- processes still tell what they know, nothing expires. The third is true when a value that is needed is broken; then
-- nothing has been changed. `withShares`: the counters are needed in any case.
local function knownHold(i, withShares)
  local hold = known[KEYS[2 + i]]
  if not hold then return nil end
  if hold.broken then return nil, nil, true end
  local due = hold[1] == LIVE and hold[4] <= now and now >= learningUntil
  if due or (withShares and (hold[1] == LIVE or hold[1] == QUARANTINED or hold[1] == EXPIRED)) then
    readCountersOf({ hold })
    hold.shares = sharesOf(hold)
    if not hold.shares then return nil, nil, true end
  end
  if not due then return hold end
  local report = expireHold(hold, hold.shares)
  gone[#gone + 1] = sub(hold.key, #base + 3)
  touchHold(hold)
  return hold, report
end

local function schedule(hold, endsAt)
  hold[4] = endsAt > MAX and MAX or endsAt
  if hold[4] < nextDue then nextDue = hold[4] end
  scores[#scores + 1] = format('%d', hold[4])
  scores[#scores + 1] = sub(hold.key, #base + 3)
  touchHold(hold)
end

local function leave(hold)
  gone[#gone + 1] = sub(hold.key, #base + 3)
  touchHold(hold)
end

-- 5 with the state, and the report if this step found the hold to be over.
local function refused(hold, report)
  local state = hold[1] == QUARANTINED and EXPIRED or hold[1]
  return { 5, state, report }
end

local function writeKnown(rememberMs)
  local enlist = writeCounters(KEYS[#KEYS - 1], KEYS[#KEYS], rememberMs)
  local remember = writeHolds(touched, rememberMs)
  -- First what could fail, should the list be none; nothing behind it can.
  if #scores > 0 then redis.call('ZADD', DUE, unpack(scores)) end
  if #gone > 0 then redis.call('ZREM', DUE, unpack(gone)) end
  writeAll()
  noteSpentBefore()
  remember()
  if enlist then enlist() end
end
