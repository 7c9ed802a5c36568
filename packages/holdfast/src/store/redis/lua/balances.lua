#!lua flags=no-writes
-- Lists counters in the order of their scope keys: those used in their current window, and those that hold something.
--
-- KEYS: meta, writer, and the list scopes.
-- ARGV: 1-4 as in begin; 5 the lowest name, as ZRANGE BYLEX takes it; 6 at most so many names are looked at; then the
-- budgets asked for (all when none is given).
-- Result: {0, now, sequence, own, entries, the last name looked at or ""}. Entries: name, start, end (-1: none), spent,
-- held, limits with overrides (2^53: none), limits and policy, description.
-- Writes nothing, so it does not count in the sequence.
local LISTS = 1
--#include begin
sequence, own = sequence - 1, own - 1
--#include counter
local SCOPES, COUNT = KEYS[#KEYS], tonumber(ARGV[6])
local budgets
for i = 7, #ARGV do
  budgets = budgets or {}
  budgets[ARGV[i]] = true
end

local names = redis.call('ZRANGE', SCOPES, ARGV[5], '+', 'BYLEX', 'LIMIT', '0', ARGV[6])
local entries, keys = {}, {}
for i, name in ipairs(names) do
  keys[2 * i - 1] = base .. 'c:' .. name
  keys[2 * i] = base .. 'd:' .. name
end

local function isEmpty(t)
  return t[1] == 0 and largest(unpack(t, 9, 14)) == 0
end

local found = #keys > 0 and redis.call('MGET', unpack(keys)) or {}
for i, name in ipairs(names) do
  local key, described = keys[2 * i - 1], found[2 * i]
  raw[key] = found[2 * i - 1] or nil
  local counter = counterOf(key)
  if counter == false or (not counter and redis.call('EXISTS', key) > 0) then broken('a counter') end
  local config, description = match(described or '', '^([^\n]*\n)(.*)$')
  if counter and description and description ~= '' and (not budgets or budgets[match(description, '^[^\t]*')]) then
    local t = counter.t
    if not isEmpty(t) and (now < t[24] or t[1] > 0) then
      local limits = { unpack(t, 15, 20) }
      if now < overridesUntil then
        local overrides = redis.call('GET', base .. 'v:' .. match(name, '^[^\t]*'))
        for at = 1, overrides and #overrides or 0, 56 do
          local override = { read(SLICE, overrides, at) }
          for d = 1, 6 do
            if override[1] > now and limits[d] ~= UNLIMITED then
              limits[d] = math.min(MAX, limits[d] + override[1 + d])
            end
          end
        end
      end
      local ends = t[24] == UNLIMITED and -1 or t[24]
      entries[#entries + 1] =
        { name, t[21], ends, textOf(t, 9), textOf(t, 2), textOf(limits, 1), config, description }
    end
  end
end
return { 0, now, sequence, own, entries, #names == COUNT and names[#names] or '' }
