"""A verification inside Redis: find the key, judge its state, take from its rate limit, count the use.

One call, one hash slot. The scripts reach the record through an index, so its name is not among their
KEYS; it lies in the same slot, which Redis Cluster allows (it refuses names of other slots). They run
on a full server (``allow-oom``): what they add is bounded to some 0.6 kB a key. Needs Redis 7 or Valkey.
"""

from __future__ import annotations

from typing import Final

from keystore.scripts import HISTORY_MAX
from keystore.usage import DAY_MS, DAYS_KEPT

# The rules of keystore.admission and keystore.rate, and the counting of keystore.usage.Meter.
# Answers {refusal or '', TAT in us or '', wait in us, record}.
_ADMIT: Final = """
local now = tonumber(ARGV[1])
local function past(text)
  local moment = tonumber(text)
  return moment ~= nil and moment <= now
end
local function turned_away(r)
  if past(r.retires_ms) then return 'retired' end
  if r.state == 'revoked' then return 'revoked' end
  if past(r.expires_ms) then return 'expired' end
  if r.state == 'suspended' and not past(r.suspension_expires_ms) then return 'suspended' end
end
local function fields(record)
  local flat, r = redis.call('HGETALL', record), {}
  for i = 1, #flat, 2 do r[flat[i]] = flat[i + 1] end
  return flat, r
end
local function count(use, last, tat)
  local today = math.floor(now / DAY_MS)
  local set = {'last', string.format('%.0f', math.max(now, tonumber(last) or 0))}
  if tat then set[3], set[4] = 'tat', string.format('%.0f', tat) end
  redis.call('HSET', use, unpack(set))
  if redis.call('HINCRBY', use, 'd' .. today, 1) > 1 then return end
  for _, name in ipairs(redis.call('HKEYS', use)) do
    local day = tonumber(string.match(name, '^d(%d+)$'))
    if day and day <= today - DAYS_KEPT then redis.call('HDEL', use, name) end
  end
end
local function admit(record, flat, r)
  local refusal = turned_away(r)
  if refusal then return {refusal, '', '', flat} end
  local use, limit = record .. ':use', tonumber(r.rate_limit) or 0
  local known = redis.call('HMGET', use, 'last', 'tat')
  if limit == 0 then
    count(use, known[1])
    return {'', '', '', flat}
  end
  local interval, now_us = tonumber(r.rate_period_s) * 1e6 / limit, now * 1000
  local start = math.max(tonumber(known[2] or 0), now_us)
  local after = math.floor(start + interval)
  local wait = after - interval * tonumber(r.rate_burst) - now_us
  if wait > 0 then
    return {'rate_limited', string.format('%.0f', start), string.format('%.17g', wait), flat}
  end
  count(use, known[1], after)
  return {'', string.format('%.0f', after), '0', flat}
end
""".replace("DAYS_KEPT", str(DAYS_KEPT)).replace("DAY_MS", str(DAY_MS))

# KEYS index of the cell. ARGV now_ms, first part of the name of the cell's records, then version, digest
# for each pepper, the current one first. Answers as above, or {'unknown_key'}.
# A record is only believed when it holds the digest itself: a planted index entry opens nothing.
VERIFY: Final = (
    "#!lua flags=allow-oom"
    + _ADMIT
    + """
local digests = {}
for i = 4, #ARGV, 2 do digests[#digests + 1] = ARGV[i] end
local found = redis.call('HMGET', KEYS[1], unpack(digests))
for at, tag in ipairs(found) do
  if tag then
    local record, digest = ARGV[2] .. tag, digests[at]
    local flat, r = fields(record)
    if r.hash ~= digest then return {'unknown_key'} end
    if at > 1 then
      redis.call('XADD', record .. ':history', 'MAXLEN', '~', HISTORY_MAX, '*', 'at_ms', ARGV[1],
        'verb', 'rehash', 'before', r.state, 'after', r.state, 'case_id', '', 'by', 'keywatch',
        'reason', 'pepper ' .. r.pepper_version .. ' to ' .. ARGV[3])
      redis.call('HSET', KEYS[1], digests[1], tag)
      redis.call('HSET', record, 'hash', digests[1], 'pepper_version', ARGV[3])
      redis.call('HDEL', KEYS[1], digest)
    end
    return admit(record, flat, r)
  end
end
return {'unknown_key'}
""".replace("HISTORY_MAX", str(HISTORY_MAX))
)

# KEYS record. ARGV now_ms, hash: for a key that was found another way. Answers as above.
ADMIT: Final = (
    "#!lua flags=allow-oom"
    + _ADMIT
    + """
local flat, r = fields(KEYS[1])
if not r.hash or r.hash ~= ARGV[2] then return {'unknown_key'} end
return admit(KEYS[1], flat, r)
"""
)
