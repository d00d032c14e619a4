"""Silences in Redis, and their double in memory."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from domain.desk import SilencePage
from domain.errors import Reason, Refused
from domain.redis_errors import redis_errors
from domain.silence import Silence

_encode: Final = msgspec.json.Encoder(order="deterministic").encode
_decode: Final = msgspec.json.Decoder(Silence).decode
KEPT_MS: Final = 90 * 86_400_000
"""Ended silences stay to be looked at for so long; the audit log keeps what was done for good."""

# KEYS record, listing, ends. ARGV silence, version, id, member, until, kept for.
_PUT: Final = """#!lua
local stored = redis.call('HMGET', KEYS[1], 'version', 'silence')
if stored[1] == ARGV[2] and stored[2] == ARGV[1] then return 1 end
if tonumber(stored[1] or '0') + 1 ~= tonumber(ARGV[2]) then return 0 end
redis.call('HSET', KEYS[1], 'silence', ARGV[1], 'version', ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[6])
redis.call('ZADD', KEYS[2], 0, ARGV[4])
redis.call('ZADD', KEYS[3], ARGV[5], ARGV[3])
return 1
"""


class RedisSilenceStore:
    """All keys share the tag ``{silences}``."""

    LISTING: Final = "kw:{silences}:listing"
    ENDS: Final = "kw:{silences}:ends"

    def __init__(self, client: Any) -> None:
        self._redis = client

    @redis_errors("silences")
    def get(self, silence_id: str) -> Silence:
        raw: bytes | None = self._redis.hget(_key(silence_id), "silence")
        if raw is None:
            raise _unknown(silence_id)
        return _decode(raw)

    @redis_errors("silences")
    def active(self, now_ms: int) -> Sequence[Silence]:
        ids: Sequence[bytes] = self._redis.zrangebyscore(self.ENDS, f"({now_ms}", "+inf")
        return [silence for silence in self._many(ids) if silence.created_ms <= now_ms]

    @redis_errors("silences")
    def page(self, cursor: str = "", limit: int = 50) -> SilencePage:
        top = f"({cursor}" if cursor else "+"
        members: Sequence[bytes] = self._redis.zrevrangebylex(self.LISTING, top, "-", 0, limit)
        found = self._many([member.partition(b":")[2] for member in members])
        return SilencePage(found, members[-1].decode() if len(members) == limit else "")

    def _many(self, ids: Sequence[bytes]) -> list[Silence]:
        if not ids:
            return []
        pipe = self._redis.pipeline(transaction=False)
        for silence_id in ids:
            pipe.hget(_key(silence_id.decode()), "silence")
        return [_decode(raw) for raw in pipe.execute() if raw]

    @redis_errors("silences")
    def put(self, silence: Silence) -> None:
        keys = (_key(silence.id), self.LISTING, self.ENDS)
        kept_ms = silence.until_ms - silence.created_ms + KEPT_MS
        args = (_encode(silence), silence.version, silence.id, _member(silence), silence.until_ms, kept_ms)
        if not self._redis.eval(_PUT, 3, *keys, *args):
            raise _conflict(silence)


class MemorySilenceStore:
    """The same contract, gone with the process; ended silences stay."""

    def __init__(self) -> None:
        self._silences: dict[str, Silence] = {}

    def get(self, silence_id: str) -> Silence:
        if silence_id not in self._silences:
            raise _unknown(silence_id)
        return self._silences[silence_id]

    def active(self, now_ms: int) -> Sequence[Silence]:
        running = [s for s in self._silences.values() if s.created_ms <= now_ms < s.until_ms]
        return sorted(running, key=lambda silence: (silence.until_ms, silence.id))

    def page(self, cursor: str = "", limit: int = 50) -> SilencePage:
        members = {_member(silence): silence for silence in self._silences.values()}
        chosen = sorted((m for m in members if not cursor or m < cursor), reverse=True)[:limit]
        return SilencePage([members[m] for m in chosen], chosen[-1] if len(chosen) == limit else "")

    def put(self, silence: Silence) -> None:
        stored = self._silences.get(silence.id)
        if stored == silence:
            return
        if (stored.version if stored else 0) + 1 != silence.version:
            raise _conflict(silence)
        self._silences[silence.id] = silence


def _key(silence_id: str) -> str:
    return f"kw:{{silences}}:silence:{silence_id}"


def _member(silence: Silence) -> str:
    return f"{silence.created_ms:013d}:{silence.id}"


def _unknown(silence_id: str) -> Refused:
    return Refused(Reason.NOT_FOUND, f"there is no silence {silence_id}; see `keywatch silences list`")


def _conflict(silence: Silence) -> Refused:
    return Refused(
        Reason.CONFLICT, f"silence {silence.id} was changed by somebody else: look again, then decide"
    )
