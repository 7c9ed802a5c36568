#!lua
-- Lets one scope pass its limits by a stated amount for a stated time.
--
-- KEYS: meta, writer, the finished operation, the overrides of the scope.
-- ARGV: 1-4 as in begin; 5 how long operations are remembered (ms); 6 what tells this operation from another of its id;
-- 7 a JSON list of six amounts; 8 the life in ms.
-- Result: {0, now, sequence, own, answer}. Answers: {1, expires at} overridden; {2, expires at} overridden before; {3}
-- mismatch.
-- Not allowed out of memory, like what it permits.
local LISTS = 0
--#include begin
local OVERRIDE = '>I8I8I8I8I8I8I8'
local done, value = values[3], values[4]
if not done and redis.call('EXISTS', KEYS[3]) > 0 then broken('a finished operation') end
if not value and redis.call('EXISTS', KEYS[4]) > 0 then broken('an override') end
local answer, remembered, kept, latest = nil, nil, {}, 0

if done then
  local id, endsAt = match(done, '^override\n([^\n]*)\n(%d+)$')
  answer = id == ARGV[6] and { 2, tonumber(endsAt) } or { 3 }
else
  local endsAt = math.min(MAX, now + tonumber(ARGV[8]))
  if value and #value % 56 ~= 0 then broken('an override') end
  for at = 1, value and #value or 0, 56 do
    local one = { read(OVERRIDE, value, at) }
    if largest(unpack(one, 1, 7)) > MAX then broken('an override') end
    if one[1] > now then
      kept[#kept + 1] = sub(value, at, at + 55)
      latest = largest(latest, one[1])
    end
  end
  kept[#kept + 1] = pack(OVERRIDE, endsAt, unpack(cjson.decode(ARGV[7])))
  latest = largest(latest, endsAt)
  if latest > overridesUntil then overridesUntil = latest end
  answer, remembered = { 1, endsAt }, 'override\n' .. ARGV[6] .. '\n' .. format('%d', endsAt)
end
writeAll()
if remembered then
  -- A day longer than it is in force, since the life of a key goes by another clock than ours.
  local life = math.min(latest - now, 3000000000000) + 86400000
  redis.call('SET', KEYS[4], table.concat(kept), 'PX', format('%d', life))
  redis.call('SET', KEYS[3], remembered, 'PX', ARGV[5])
end
return { 0, now, sequence, own, answer }
