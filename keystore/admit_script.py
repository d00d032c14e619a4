"""A verification inside Redis: find the key, judge its state, take from its rate limit, count the use.

One call, one hash slot. The scripts reach the record through an index, so its name is not among their
KEYS; it lies in the same slot, which Redis Cluster allows (it refuses names of other slots). They run
on a full server (``allow-oom``): what they add is bounded to some 0.6 kB a key. Needs Redis 7 or Valkey.
"""

from __future__ import annotations

from typing import Final

from keystore.record import KeyRecord
from keystore.scripts import HISTORY_MAX
from keystore.usage import DAY_MS, DAYS_KEPT

_JUDGED: Final = (
    "state",
    "hash",
    "pepper_version",
    "expires_ms",
    "suspension_expires_ms",
    "rate_limit",
    "rate_period_s",
    "rate_burst",
    "retires_ms",
)

_UNREAD: Final = ("prior_state", "released_case", "suspended_by", "predecessor", "cell", "made_by")
FIELDS: Final = tuple(name for name in KeyRecord.__struct_fields__ if name not in _UNREAD)
"""What the scripts read of a record, in this order; a field that an old record lacks is nil."""

_PRELUDE: Final = f"""#!lua flags=allow-oom
local FIELDS = {{{", ".join(f"'{name}'" for name in FIELDS)}}}
local DAY_MS, DAYS_KEPT, HISTORY_MAX = {DAY_MS}, {DAYS_KEPT}, {HISTORY_MAX}
""" + "".join(f"local {name.upper()} = {at}\n" for at, name in enumerate(FIELDS, 1) if name in _JUDGED)

# The rules of keystore.admission and keystore.rate, and the counting of keystore.usage.Meter.
# Answers {refusal or '', TAT in us or '', wait in us, values of FIELDS}.
_ADMIT: Final = (
    _PRELUDE
    + """
local now = tonumber(ARGV[1])
local function past(text)
  local moment = tonumber(text or '')
  return moment ~= nil and moment <= now
end
local function turned_away(r)
  if past(r[RETIRES_MS]) then return 'retired' end
  if r[STATE] == 'revoked' then return 'revoked' end
  if past(r[EXPIRES_MS]) then return 'expired' end
  if r[STATE] == 'suspended' and not past(r[SUSPENSION_EXPIRES_MS]) then return 'suspended' end
end
local function count(use, ...)
  redis.call('HSET', use, 'last', ARGV[1], ...)
  local today = math.floor(now / DAY_MS)
  if redis.call('HINCRBY', use, 'd' .. today, 1) > 1 then return end
  for _, name in ipairs(redis.call('HKEYS', use)) do
    local day = tonumber(string.match(name, '^d(%d+)$') or '')
    if day and day <= today - DAYS_KEPT then redis.call('HDEL', use, name) end
  end
end
local function admit(record, r)
  if not r[STATE] then return redis.error_reply('ERR keywatch: the record of the key lacks its state') end
  local refusal = turned_away(r)
  if refusal then return {refusal, '', '', r} end
  local use, limit = record .. ':use', tonumber(r[RATE_LIMIT] or 0)
  if limit == 0 then
    count(use)
    return {'', '', '', r}
  end
  local interval, now_us = tonumber(r[RATE_PERIOD_S]) * 1e6 / limit, now * 1000
  local start = math.max(tonumber(redis.call('HGET', use, 'tat') or 0), now_us)
  local after = math.floor(start + interval)
  local wait = after - interval * tonumber(r[RATE_BURST]) - now_us
  if wait > 0 then
    return {'rate_limited', string.format('%.0f', start), string.format('%.17g', wait), r}
  end
  local tat = string.format('%.0f', after)
  count(use, 'tat', tat)
  return {'', tat, '0', r}
end
"""
)

# KEYS index of the cell. ARGV now_ms, first part of the name of the cell's records, then version, digest
# for each pepper, the current one first. Answers as above, or {'unknown_key'}.
# A record is only believed when it holds the digest itself: a planted index entry opens nothing.
VERIFY: Final = (
    _ADMIT
    + """
local digests = {}
for i = 4, #ARGV, 2 do digests[#digests + 1] = ARGV[i] end
local found = redis.call('HMGET', KEYS[1], unpack(digests))
for at, tag in ipairs(found) do
  if tag then
    local record, digest = ARGV[2] .. tag, digests[at]
    local r = redis.call('HMGET', record, unpack(FIELDS))
    if r[HASH] ~= digest then return {'unknown_key'} end
    if at > 1 then
      redis.call('XADD', record .. ':history', 'MAXLEN', '~', HISTORY_MAX, '*', 'at_ms', ARGV[1],
        'verb', 'rehash', 'before', r[STATE], 'after', r[STATE], 'case_id', '', 'by', 'keywatch',
        'reason', 'pepper ' .. r[PEPPER_VERSION] .. ' to ' .. ARGV[3])
      redis.call('HSET', KEYS[1], digests[1], tag)
      redis.call('HSET', record, 'hash', digests[1], 'pepper_version', ARGV[3])
      redis.call('HDEL', KEYS[1], digest)
    end
    return admit(record, r)
  end
end
return {'unknown_key'}
"""
)

# KEYS record. ARGV now_ms, hash: for a key that was found another way. Answers as above.
ADMIT: Final = (
    _ADMIT
    + """
local r = redis.call('HMGET', KEYS[1], unpack(FIELDS))
if not r[HASH] or r[HASH] ~= ARGV[2] then return {'unknown_key'} end
return admit(KEYS[1], r)
"""
)
