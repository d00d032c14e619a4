"""Incidents in Redis, shared by all replicas; one hash slot."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from alerting.incidents.base import Grouping, Joining, Link, links_of, member_of
from domain.desk import IncidentPage
from domain.errors import Reason, Refused, Transient
from domain.incident import Incident
from domain.redis_errors import redis_errors

TRIES: Final = 20
"""Of one join while other replicas join too."""
KEPT_MS: Final = 90 * 86_400_000
"""Incidents that are over stay to be looked at for so long; their cases stay for `alert.cases_days`."""

# KEYS record, members, open, open listing, then the links.
# ARGV id, case, now, member, scope, name, tenant, rank, severity's rank, severity, then what each link held
# when the caller looked, and until when it is to hold (our clock; Redis' own forgets it a day later).
# Answers 0 when a link has changed since.
_JOIN: Final = """#!lua
local links = #KEYS - 4
for i = 1, links do
  if (redis.call('GET', KEYS[4 + i]) or '') ~= ARGV[10 + i] then return 0 end
end
local record = KEYS[1]
if redis.call('EXISTS', record) == 0 then
  redis.call('HSET', record, 'id', ARGV[1], 'opened_ms', ARGV[3], 'scope', 'key', 'name', ARGV[6],
    'tenant', ARGV[7], 'lead', ARGV[2], 'rank', -1, 'severity', 'info', 'severity_rank', -1,
    'member', ARGV[4], 'version', 0, 'updated_ms', ARGV[3])
end
local changed = redis.call('ZADD', KEYS[2], 'NX', redis.call('ZCARD', KEYS[2]), ARGV[2])
if changed == 1 then redis.call('SADD', KEYS[3], ARGV[2]) end
local scope = redis.call('HGET', record, 'scope')
if changed == 1 and scope == 'key' and ARGV[5] ~= 'key' then
  redis.call('HSET', record, 'scope', ARGV[5], 'name', ARGV[6])
end
if tonumber(ARGV[8]) > tonumber(redis.call('HGET', record, 'rank')) then
  redis.call('HSET', record, 'rank', ARGV[8])
  changed = 1
end
if tonumber(ARGV[9]) > tonumber(redis.call('HGET', record, 'severity_rank')) then
  redis.call('HSET', record, 'severity_rank', ARGV[9], 'severity', ARGV[10])
  changed = 1
end
if changed == 1 then
  redis.call('HINCRBY', record, 'version', 1)
  redis.call('HSET', record, 'updated_ms', ARGV[3])
end
redis.call('HSET', record, 'cases', redis.call('ZCARD', KEYS[2]), 'open', redis.call('SCARD', KEYS[3]))
redis.call('ZADD', KEYS[4], 0, redis.call('HGET', record, 'member'))
for i = 1, links do
  local ends = ARGV[10 + links + i]
  redis.call('SET', KEYS[4 + i], ARGV[1] .. ' ' .. ends, 'PX', ends - ARGV[3] + 86400000)
end
return 1
"""

# KEYS record, open, open listing, over listing, members. ARGV case, now, kept for.
_LEAVE: Final = """#!lua
local record = KEYS[1]
if redis.call('EXISTS', record) == 0 then return 0 end
if redis.call('SREM', KEYS[2], ARGV[1]) == 0 then return 1 end
local open = redis.call('SCARD', KEYS[2])
redis.call('HSET', record, 'open', open, 'updated_ms', ARGV[2])
redis.call('HINCRBY', record, 'version', 1)
if open == 0 then
  local member = redis.call('HGET', record, 'member')
  redis.call('ZREM', KEYS[3], member)
  redis.call('ZADD', KEYS[4], 0, member)
  redis.call('PEXPIRE', record, ARGV[3])
  redis.call('PEXPIRE', KEYS[5], ARGV[3])
end
return 1
"""

# KEYS record. ARGV now, name, value, ... ; names that start with '!' are only set once.
_MARK: Final = """#!lua
if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
redis.call('HSET', KEYS[1], 'updated_ms', ARGV[1])
for i = 2, #ARGV, 2 do
  local name = ARGV[i]
  if string.sub(name, 1, 1) == '!' then redis.call('HSETNX', KEYS[1], string.sub(name, 2), ARGV[i + 1])
  else redis.call('HSET', KEYS[1], name, ARGV[i + 1]) end
end
redis.call('HINCRBY', KEYS[1], 'version', 1)
return 1
"""


class RedisIncidentStore:
    """All keys share the tag ``{alerts}``."""

    OPEN: Final = "kw:{alerts}:incidents:open"
    OVER: Final = "kw:{alerts}:incidents:over"

    def __init__(self, client: Any) -> None:
        self._redis = client

    @redis_errors("incidents")
    def join(self, joining: Joining, grouping: Grouping) -> Incident:
        links = links_of(joining.finding, grouping)
        for _ in range(TRIES):
            held: list[bytes | None] = self._redis.mget([_key("link", link.token) for link in links])
            found, through = self._found(links, held, joining.now_ms) or (joining.new_id, links[0])
            if self._join(found, through, links, held, joining):
                return self.get(found)
        raise Transient(Reason.CONFLICT, "the incident could not be joined: too many findings at once")

    def _found(
        self, links: Sequence[Link], held: Sequence[bytes | None], now_ms: int
    ) -> tuple[str, Link] | None:
        for link, raw in zip(links, held, strict=True):
            incident_id, _, ends_ms = (raw or b" 0").decode().partition(" ")
            if now_ms < int(ends_ms) and int(self._redis.hget(_key("incident", incident_id), "open") or 0):
                return incident_id, link
        return None

    def _join(
        self, found: str, through: Link, links: Sequence[Link], held: Sequence[bytes | None], joining: Joining
    ) -> bool:
        keys = [*_record_keys(found)[:3], self.OPEN, *(_key("link", link.token) for link in links)]
        severity = joining.severity
        args = [
            found,
            joining.case.id,
            joining.now_ms,
            member_of(joining.now_ms, found),
            through.scope.value,
            through.name,
            joining.finding.tenant,
            joining.rank,
            severity.rank,
            severity.value,
            *(raw or b"" for raw in held),
            *(joining.now_ms + link.lives_ms for link in links),
        ]
        return bool(self._redis.eval(_JOIN, len(keys), *keys, *args))

    @redis_errors("incidents")
    def get(self, incident_id: str) -> Incident:
        found = self._many([incident_id])
        if not found:
            raise unknown(incident_id)
        return found[0]

    def _many(self, ids: Sequence[str]) -> list[Incident]:
        if not ids:
            return []
        pipe = self._redis.pipeline(transaction=False)
        for incident_id in ids:
            pipe.hgetall(_key("incident", incident_id))
        return [_incident(fields) for fields in pipe.execute() if fields]

    @redis_errors("incidents")
    def members(self, incident_id: str, start: int = 0, limit: int = 50) -> Sequence[str]:
        ids: Sequence[bytes] = self._redis.zrange(
            _key("incident", incident_id, "cases"), start, start + limit - 1
        )
        return [case_id.decode() for case_id in ids]

    @redis_errors("incidents")
    def page(self, cursor: str = "", limit: int = 50, *, over: bool | None = None) -> IncidentPage:
        listings = [self.OPEN, self.OVER] if over is None else [self.OVER if over else self.OPEN]
        top = f"({cursor}" if cursor else "+"
        members: set[bytes] = set()
        for listing in listings:
            members.update(self._redis.zrevrangebylex(listing, top, "-", 0, limit))
        chosen = [member.decode() for member in sorted(members, reverse=True)[:limit]]
        found = self._many([member.partition(":")[2] for member in chosen])
        return IncidentPage(found, chosen[-1] if len(chosen) == limit else "")

    def told(self, incident_id: str, rank: int, now_ms: int) -> Incident:
        return self._mark(incident_id, now_ms, "told_rank", rank, "told_ms", now_ms)

    def acted(self, incident_id: str, who: str, now_ms: int) -> Incident:
        return self._mark(incident_id, now_ms, "!acted_by", who)

    @redis_errors("incidents")
    def _mark(self, incident_id: str, now_ms: int, *pairs: str | int) -> Incident:
        if not self._redis.eval(_MARK, 1, _key("incident", incident_id), now_ms, *pairs):
            raise unknown(incident_id)
        return self.get(incident_id)

    @redis_errors("incidents")
    def left(self, incident_id: str, case_id: str, now_ms: int) -> Incident:
        record, members, waiting = _record_keys(incident_id)
        keys = (record, waiting, self.OPEN, self.OVER, members)
        if not self._redis.eval(_LEAVE, 5, *keys, case_id, now_ms, KEPT_MS):
            raise unknown(incident_id)
        return self.get(incident_id)


def _key(*parts: str) -> str:
    return "kw:{alerts}:" + ":".join(parts)


def _record_keys(incident_id: str) -> tuple[str, str, str]:
    record = _key("incident", incident_id)
    return record, f"{record}:cases", f"{record}:open"


def _incident(fields: dict[bytes, bytes]) -> Incident:
    values = {name.decode(): value.decode() for name, value in fields.items()}
    return msgspec.convert(values, Incident, strict=False)


def unknown(incident_id: str) -> Refused:
    """What to say of an incident that is not there."""
    return Refused(Reason.NOT_FOUND, f"there is no incident {incident_id}; it may be too long ago")
