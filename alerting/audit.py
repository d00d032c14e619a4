"""Who did what to which key and why: append only, each entry chained to the one before."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from typing import Any, Final

from alerting.audit_chain import EMPTY, Anchor, Line, Stored, opened, sealed
from domain.clock import Clock
from domain.desk import AuditEntry
from domain.errors import Reason, Transient
from domain.redis_errors import redis_errors
from domain.secret import Secret

TRIES: Final = 50
"""Of one append while other replicas append too: each round one of them wins."""
_PAGE: Final = 500

# Appends only after the entry that the caller saw last. An entry with this very hash is a call sent again
# because its reply was lost. Without its head the log does not begin anew.
_APPEND: Final = """#!lua flags=allow-oom
local id = ARGV[2] .. '-0'
local head = redis.call('HGET', KEYS[1], 'hash') or ARGV[6]
if head ~= ARGV[1] then
  local there = redis.call('XRANGE', KEYS[2], id, id)[1]
  return (there and there[2][4] == ARGV[4]) and 1 or 0
end
if head == ARGV[6] and redis.call('EXISTS', KEYS[2]) == 1 then
  return redis.error_reply('ERR keywatch: its head is gone, see `keywatch audit verify`')
end
redis.call('XADD', KEYS[2], id, 'line', ARGV[3], 'hash', ARGV[4], 'mac', ARGV[5])
redis.call('HSET', KEYS[1], 'seq', ARGV[2], 'hash', ARGV[4])
return 1
"""


class RedisAudit:
    """A Redis Stream whose ids are the entries' numbers. A failed write raises, and the act that was to be
    audited does not happen. Blocks for two round trips, more when others write at the same moment.
    """

    HEAD: Final = "kw:{audit}:head"
    LOG: Final = "kw:{audit}:log"

    def __init__(self, client: Any, clock: Clock, key: Secret | None = None) -> None:
        self._redis = client
        self._clock = clock
        self._secret = key or Secret("")

    def write(self, *, who: str, what: str, key_id: str, case_id: str, why: str) -> None:
        now_ms, nonce = int(self._clock.now() * 1000), secrets.token_hex(8)
        for _ in range(TRIES):
            last = self.head()
            line = Line(
                seq=last.seq + 1,
                ts_ms=now_ms,
                who=who,
                what=what,
                key_id=key_id,
                case_id=case_id,
                why=why,
                nonce=nonce,
            )
            if self._append(sealed(line, last.hash, self._secret), last):
                return
        raise Transient(Reason.CONFLICT, "the audit line could not be written: too many writers at once")

    @redis_errors("audit log")
    def _append(self, entry: Stored, last: Anchor) -> bool:
        args = (last.hash, entry.place, entry.line, entry.hash, entry.mac, EMPTY.hash)
        return bool(self._redis.eval(_APPEND, 2, self.HEAD, self.LOG, *args))

    @redis_errors("audit log")
    def head(self) -> Anchor:
        """Where the log ends; take it as an anchor and keep it elsewhere."""
        seq, digest = self._redis.hmget(self.HEAD, "seq", "hash")
        return Anchor(seq=int(seq), hash=digest.decode()) if seq and digest else EMPTY

    def stored(self) -> Iterator[Stored]:
        """Every entry as it lies in the log, oldest first, a page at a time."""
        start = "-"
        while page := self._range(start):
            yield from page
            start = f"({page[-1].place}-0"

    @redis_errors("audit log")
    def _range(self, start: str) -> list[Stored]:
        return [_stored(*row) for row in self._redis.xrange(self.LOG, start, "+", count=_PAGE)]

    @redis_errors("audit log")
    def page(self, before: int = 0, limit: int = 50) -> Sequence[AuditEntry]:
        top = f"({before}-0" if before else "+"
        rows = self._redis.xrevrange(self.LOG, top, "-", count=limit)
        return [opened(_stored(*row)) for row in rows]


def _stored(number: bytes, fields: dict[bytes, bytes]) -> Stored:
    values = {name: fields.get(name.encode(), b"") for name in ("line", "hash", "mac")}
    return Stored(
        place=int(number.partition(b"-")[0]),
        line=values["line"],
        hash=values["hash"].decode(errors="replace"),
        mac=values["mac"].decode(errors="replace"),
    )


class MemoryAudit:
    """The same chain in a list."""

    def __init__(self, clock: Clock | None = None, key: Secret | None = None) -> None:
        self._clock = clock
        self._secret = key or Secret("")
        self.log: list[Stored] = []

    def write(self, *, who: str, what: str, key_id: str, case_id: str, why: str) -> None:
        now_ms, last = int(self._clock.now() * 1000) if self._clock else 0, self.head()
        line = Line(
            seq=last.seq + 1, ts_ms=now_ms, who=who, what=what, key_id=key_id, case_id=case_id, why=why
        )
        self.log.append(sealed(line, last.hash, self._secret))

    def head(self) -> Anchor:
        """Where the log ends."""
        return Anchor(seq=self.log[-1].place, hash=self.log[-1].hash) if self.log else EMPTY

    def stored(self) -> Iterator[Stored]:
        """Every entry, oldest first."""
        return iter(self.log)

    def page(self, before: int = 0, limit: int = 50) -> Sequence[AuditEntry]:
        chosen = [stored for stored in reversed(self.log) if not before or stored.place < before]
        return [opened(stored) for stored in chosen[:limit]]
