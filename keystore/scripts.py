"""What runs inside Redis. Each script reads, checks and only then writes: Redis does not roll back.

Each is idempotent, because redis-py sends a call again when its reply was lost: doing it twice leaves
the same state and answers the same. ``allow-oom`` lets a key be stopped when Redis is full; those
scripts rewrite small fields and trim what they append. Needs Redis 7 or Valkey (script flags).
"""

from __future__ import annotations

from typing import Final

HISTORY_MAX: Final = 1000
"""Entries kept of a key's own history, about 150 bytes each; the audit log is elsewhere."""

# KEYS record, history, and for a key in a cell the index of its hashes. ARGV field, value, ...
# Answers {'ok' | 'conflict', record}: a record that is already this one is 'ok'.
CREATE: Final = """#!lua
local found = redis.call('HMGET', KEYS[1], 'hash', 'tenant', 'owner')
local new = {}
for i = 1, #ARGV, 2 do new[ARGV[i]] = ARGV[i + 1] end
if found[1] then
  local same = found[1] == new.hash and found[2] == new.tenant and found[3] == new.owner
  return {same and 'ok' or 'conflict', redis.call('HGETALL', KEYS[1])}
end
if redis.call('EXISTS', KEYS[2]) == 1 then
  return redis.error_reply('ERR keywatch: history without a record')
end
redis.call('HSET', KEYS[1], unpack(ARGV))
if KEYS[3] then redis.call('HSET', KEYS[3], new.hash, string.match(KEYS[1], '[^:]*$')) end
return {'ok', redis.call('HGETALL', KEYS[1])}
"""

# The rules of keystore.transitions. KEYS record, history.
# ARGV now_ms, verb, history length, case_id, by, reason, expires_ms ('' is never), successor.
# Answers {'ok' | a reason of refusal, record}, or {'not_found'}.
TRANSITION: Final = """#!lua flags=allow-oom
local now, verb, case = tonumber(ARGV[1]), ARGV[2], ARGV[4]
local flat = redis.call('HGETALL', KEYS[1])
if #flat == 0 then return {'not_found'} end
local kind = redis.call('TYPE', KEYS[2]).ok
if kind ~= 'none' and kind ~= 'stream' then
  return redis.error_reply('ERR keywatch: the history of the key is a ' .. kind)
end
local r = {}
for i = 1, #flat, 2 do r[flat[i]] = flat[i + 1] end
if not (r.state and r.prior_state and r.case_id and r.released_case and r.expires_ms) then
  return redis.error_reply('ERR keywatch: the record of the key lacks fields')
end
local function past(text)
  local moment = tonumber(text)
  return moment ~= nil and moment <= now
end
local before = r.state
local held = before == 'suspended'
local ran_out = held and past(r.suspension_expires_ms)
local retired = past(r.retires_ms)
local alive = before ~= 'revoked' and not past(r.expires_ms) and not retired
r.successor, r.retires_ms = r.successor or '', r.retires_ms or ''  -- records of the first version

local function ended_case()
  if r.case_id ~= '' then r.released_case = r.case_id end
end
local function hold()
  ended_case()
  if not held then r.prior_state = before end
  r.state, r.case_id, r.suspended_by = 'suspended', case, ARGV[5]
  r.reason, r.suspension_expires_ms = ARGV[6], ARGV[7]
  return 'changed'
end
local function lift()
  ended_case()
  r.state, r.prior_state = r.prior_state, 'active'
  r.case_id, r.suspended_by, r.reason, r.suspension_expires_ms = '', '', '', ''
  return 'changed'
end

local rules = {}
function rules.suspend()
  if held and r.case_id == case then return 'ok' end
  if r.released_case == case then return 'conflict' end
  if held and r.case_id == '' then return 'not_ours' end
  if held and not ran_out then return 'conflict' end
  return hold()
end
function rules.reinstate()
  if held then return r.case_id == case and lift() or 'not_ours' end
  return r.released_case == case and 'ok' or 'not_ours'
end
function rules.suspend_manually()
  if held and r.case_id == '' then return 'ok' end
  return hold()
end
function rules.reinstate_manually()
  if not held then return 'ok' end
  return r.case_id == case and lift() or 'conflict'
end
function rules.expire()
  return ran_out and r.case_id == case and lift() or 'ok'
end
local function stop(reason)
  lift()
  r.state, r.reason = 'revoked', reason
  return 'changed'
end
function rules.revoke()
  if before == 'revoked' then return 'ok' end
  r.retires_ms = ''
  return stop(ARGV[6])
end
function rules.rotate()
  if r.successor ~= '' then return 'conflict' end
  r.successor = ARGV[8]
  if past(ARGV[7]) then return stop(ARGV[6]) end
  r.retires_ms = ARGV[7]
  if held then r.prior_state = 'retiring' else r.state = 'retiring' end
  return 'changed'
end
function rules.retire()
  if before == 'revoked' or not retired then return 'ok' end
  return stop('replaced by ' .. r.successor)
end

if not rules[verb] then return redis.error_reply('ERR keywatch: unknown verb') end
if verb == 'rotate' and r.successor == ARGV[8] then return {'ok', flat} end
local always = {expire = true, revoke = true, retire = true}
if not alive and not always[verb] then return {'illegal_state', flat} end
local outcome = rules[verb]()
if outcome ~= 'changed' then return {outcome, flat} end
redis.call('XADD', KEYS[2], 'MAXLEN', '~', ARGV[3], '*', 'at_ms', ARGV[1], 'verb', verb,
  'before', before, 'after', r.state, 'case_id', case, 'by', ARGV[5], 'reason', ARGV[6])
redis.call('HSET', KEYS[1], 'state', r.state, 'prior_state', r.prior_state, 'case_id', r.case_id,
  'released_case', r.released_case, 'reason', r.reason, 'suspended_by', r.suspended_by,
  'suspension_expires_ms', r.suspension_expires_ms, 'successor', r.successor, 'retires_ms', r.retires_ms)
return {'ok', redis.call('HGETALL', KEYS[1])}
"""

# Another hash of the same secret, unless somebody else was first. KEYS record, history.
# ARGV at_ms, history length, hash before, hash after, pepper version. Answers the record.
REHASH: Final = """#!lua flags=allow-oom
local known = redis.call('HMGET', KEYS[1], 'hash', 'state', 'pepper_version')
if known[1] == ARGV[3] then
  redis.call('XADD', KEYS[2], 'MAXLEN', '~', ARGV[2], '*', 'at_ms', ARGV[1], 'verb', 'rehash',
    'before', known[2], 'after', known[2], 'case_id', '', 'by', 'keywatch',
    'reason', 'pepper ' .. known[3] .. ' to ' .. ARGV[5])
  redis.call('HSET', KEYS[1], 'hash', ARGV[4], 'pepper_version', ARGV[5])
end
return redis.call('HGETALL', KEYS[1])
"""

# Take an item of the agenda that is due, so that no other worker has it until later. A repetition after a
# lost reply finds it taken; it then waits for that later time. KEYS agenda. ARGV now_ms, later_ms, member.
CLAIM: Final = """#!lua flags=allow-oom
local due = redis.call('ZSCORE', KEYS[1], ARGV[3])
if not due or tonumber(due) > tonumber(ARGV[1]) then return 0 end
redis.call('ZADD', KEYS[1], ARGV[2], ARGV[3])
return 1
"""

# A plain ZADD is refused when Redis is full. KEYS due index. ARGV LT or XX, due_ms, member.
SCHEDULE: Final = """#!lua flags=allow-oom
return redis.call('ZADD', KEYS[1], ARGV[1], ARGV[2], ARGV[3])
"""
