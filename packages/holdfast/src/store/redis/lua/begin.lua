-- Fragment: how every script but heartbeat begins. Reads the meta value and whatever else it was given in one MGET,
-- decides what time it is, and stops before anything is written when the data is not what this process knows.
--
-- Expects: LISTS, how many of the last KEYS are sorted sets.
-- KEYS[1] meta, KEYS[2] the writer's own count. ARGV[1] epoch, ARGV[2] the highest sequence number that this process has
-- seen acknowledged, ARGV[3] the same of its own count, ARGV[4] the time to use instead of the server's, or "".
-- Answers {1} for lost data (the process then sends a heartbeat), {2} for data of another version.
--
-- Numbers are stored as 64-bit integers, never as text: no number is ever written through `..` or tostring. All are
-- whole and below 2^53, where Lua's numbers are exact; anything else that is read is refused as broken.
local NOTING_MS = 60000
local MAX, UNLIMITED = 9007199254740991, 9007199254740992
local read, pack, sub, match, format, largest = struct.unpack, struct.pack, string.sub, string.match, string.format, math.max
local META = '>I8I8I8I8I8I8'
local base = sub(KEYS[1], 1, -5)

local function broken(what)
  error({ err = 'BROKENDATA ' .. what .. ' is not as Holdfast wrote it' })
end

local values = redis.call('MGET', unpack(KEYS, 1, #KEYS - LISTS))
if not values[1] then return { 1 } end
if #values[1] < 50 or (values[2] and #values[2] ~= 8) then broken('the meta value') end
local version, sequence, now, learningUntil, overridesUntil, nextDue = read(META, values[1])
if version ~= 1 then return { 2 } end
if largest(sequence, now, learningUntil, overridesUntil, nextDue) > UNLIMITED then broken('the meta value') end
local epochs = sub(values[1], 49)
local noteSet = match(epochs, '(%S+) |') or match(epochs, '^%S+')
local own = values[2] and read('>I8', values[2]) or 0
if own > MAX then broken('the meta value') end
if match(epochs, '^%S+') ~= ARGV[1] or sequence < tonumber(ARGV[2]) or own < tonumber(ARGV[3]) then return { 1 } end

local clock = tonumber(ARGV[4])
if not clock then
  local time = redis.call('TIME')
  clock = time[1] * 1000 + math.floor(time[2] / 1000)
end
-- The time never goes back, not even when another server takes over.
if clock > now then now = clock end
sequence, own = sequence + 1, own + 1

-- Pairs for one MSET; the first two are filled in at the end.
local writes = { KEYS[1], '', KEYS[2], '' }
local function writeAll()
  writes[2] = pack(META, 1, sequence, now, learningUntil, overridesUntil, nextDue) .. epochs
  writes[4] = pack('>I8', own)
  for from = 1, #writes, 2000 do
    redis.call('MSET', unpack(writes, from, math.min(from + 1999, #writes)))
  end
end
