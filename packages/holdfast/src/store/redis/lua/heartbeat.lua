#!lua flags=allow-oom
-- Where a process and the data get to know each other: at first contact, now and then while it is idle, and whenever a
-- script has found that the data is not what the process knows.
--
-- KEYS: meta, writer, and the list writers.
-- ARGV: 1 the epoch that the process knows, or ""; 2 the highest sequence number that it has seen acknowledged, 3 the
-- same of its own count; 4 the time to use, or ""; 5 the id of a new epoch, should there be one; 6 how long processes
-- are given to tell what they know (ms); 7 the id of the process; 8 "leave" when it goes.
-- Result: {outcome, now, sequence, own, epoch, learning until, memory policy or "", why it is not known, the epoch
-- under which notes are, 1 if the process has lived in it or since}.
-- Outcomes: 0 as known; 1 first contact, the data is new; 2 first contact; 3 data was lost, and this call has found out;
-- 4 data was lost, as another process has found out before; 5 data of another version; 6 this server's Lua cannot
-- count to 2^53.
-- An epoch is a history without loss. A new one begins when the data is gone, when it is older than what a process has
-- seen, and when a process comes from an epoch that nobody here has heard of.
local read, pack, sub, match = struct.unpack, struct.pack, string.sub, string.match
local MAX, UNLIMITED, META = 9007199254740991, 9007199254740992, '>I8I8I8I8I8I8'
local WRITER_MS, AT_A_TIME, EPOCHS = 86400000, 10, 8
if string.format('%d', MAX) ~= '9007199254740991' or read('>I8', pack('>I8', MAX)) ~= MAX then return { 6 } end

local metaValue, ownValue = redis.call('GET', KEYS[1]), redis.call('GET', KEYS[2])
local meta, epochs, own = { 1, 0, 0, 0, 0, 0 }, '', 0
if metaValue then
  if #metaValue < 50 or (ownValue and #ownValue ~= 8) then
    return redis.error_reply('BROKENDATA the meta value is not as Holdfast wrote it')
  end
  meta, epochs = { read(META, metaValue) }, sub(metaValue, 49)
  if meta[1] ~= 1 then return { 5 } end
  if math.max(unpack(meta, 1, 6)) > UNLIMITED then
    return redis.error_reply('BROKENDATA the meta value is not as Holdfast wrote it')
  end
  own = ownValue and read('>I8', ownValue) or 0
end
local clock = tonumber(ARGV[4])
if not clock then
  local time = redis.call('TIME')
  clock = time[1] * 1000 + math.floor(time[2] / 1000)
end
local now = math.max(meta[3], clock)

-- Epochs are listed newest first. Those before the bar have begun since the data was last lost or new; what counters
-- had spent when that began is noted under the last of them, for processes that have not lived in any of these.
local inside, outside = match(epochs, '^([^|]*)|?(.*)$')
local outcome, epoch, cut = 0, match(epochs, '^%S+'), false
local behind = meta[2] < tonumber(ARGV[2]) or own < tonumber(ARGV[3])
if not metaValue then
  outcome, cut = ARGV[1] == '' and 1 or 3, true
elseif ARGV[1] == '' then
  outcome = 2
elseif ARGV[1] == epoch then
  outcome, cut = behind and 3 or 0, behind
else
  outcome = 3
  for earlier in string.gmatch(outside, '%S+') do
    if earlier == ARGV[1] then outcome = 4 end
  end
  for earlier in string.gmatch(inside, '%S+') do
    if earlier == ARGV[1] then outcome, cut = behind and 3 or 4, behind end
  end
end
local lived = false
if outcome == 4 then
  for earlier in string.gmatch(inside, '%S+') do lived = lived or earlier == ARGV[1] end
end
if outcome == 1 or outcome == 3 then
  -- A process that nobody here has heard of finds data that has lost nothing since it began: the notes of then are
  -- what its knowledge is to be compared with.
  if cut then inside, outside = '', inside .. ' ' .. outside end
  inside = ARGV[5] .. ' ' .. inside
  if outcome == 3 then outside = ARGV[1] .. ' ' .. outside end
  local known, count = {}, 0
  local function listed(these, most)
    local list = {}
    for earlier in string.gmatch(these, '%S+') do
      if not known[earlier] and count < most then
        known[earlier], count = true, count + 1
        list[#list + 1] = earlier
      end
    end
    return list
  end
  local oldest = match(inside, '(%S+) *$')
  local before, after = listed(inside, EPOCHS - 2), nil
  -- The one that the notes go by is always among them.
  if before[#before] ~= oldest then before[#before] = oldest end
  after = listed(outside, EPOCHS)
  epoch, epochs = ARGV[5], table.concat(before, ' ') .. ' | ' .. table.concat(after, ' ')
  -- Of new data nobody has anything to tell, as far as is known; but what is spent first is noted all the same.
  meta[4] = outcome == 3 and now + tonumber(ARGV[6]) or now
end
local noteSet = match(epochs, '(%S+) |') or match(epochs, '^%S+')

local stale = redis.call('ZRANGEBYSCORE', KEYS[3], '-inf', string.format('%d', now - WRITER_MS), 'LIMIT', '0', AT_A_TIME)
local memory = redis.pcall('INFO', 'memory')
local policy, reason = '', ''
if type(memory) == 'table' then
  reason = memory.err or ''
else
  policy = match(memory, 'maxmemory_policy:([%w-]+)') or ''
end

meta[2], meta[3], own = meta[2] + 1, now, own + 1
redis.call('MSET', KEYS[1], pack(META, unpack(meta, 1, 6)) .. epochs, KEYS[2], pack('>I8', own))
redis.call('ZADD', KEYS[3], string.format('%d', now), ARGV[7])
for _, writer in ipairs(stale) do
  if writer ~= ARGV[7] then
    redis.call('ZREM', KEYS[3], writer)
    redis.call('DEL', sub(KEYS[1], 1, -5) .. 'w:' .. writer)
  end
end
if ARGV[8] == 'leave' then
  redis.call('ZREM', KEYS[3], ARGV[7])
  redis.call('DEL', KEYS[2])
end
return { outcome, now, meta[2], own, epoch, meta[4], policy, reason, noteSet, lived and 1 or 0 }
