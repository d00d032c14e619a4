"""Which message stands where: so that an incident has one message, whoever sends and however often.

A worker claims a message before it sends. What it then writes is refused when its claim ran out and
another worker has claimed since: it must take back what it posted. A post that was begun and never
recorded is known as ``attempted``, and is looked for before another is made.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final, Protocol

from domain.redis_errors import redis_errors

KEPT_MS: Final = 90 * 86_400_000


@dataclass(frozen=True, slots=True)
class Standing:
    """A claimed message. ``channel`` and ``ts`` are empty before it is posted; ``digest`` is of what it
    says now and ``told_ms`` the newest loud moment it made a sound for; ``detailed`` are short ids of the
    findings it or its thread tells of, ``charted`` says whether its pictures are there; ``attempted_ms`` is
    0 without a doubtful post.
    """

    token: int
    channel: str = ""
    ts: str = ""
    digest: str = ""
    detailed: str = ""
    charted: int = 0
    attempted_ms: int = 0
    told_ms: int = 0


class MessageBook(Protocol):
    """Times are epoch milliseconds of the caller's clock."""

    def claim(self, message_id: str, now_ms: int, lease_ms: int) -> Standing | None:
        """The message as it stands, ours until the lease ends; None while another worker has it."""

    def write(self, message_id: str, standing: Standing) -> bool:
        """Record how it stands now. False when the claim was lost: nothing is written."""

    def release(self, message_id: str, standing: Standing) -> None:
        """Done for now. A claim that was lost is left alone."""


# KEYS message, counter. ARGV now, lease, kept for.
_CLAIM: Final = """#!lua
local until_ms = redis.call('HGET', KEYS[1], 'until')
if until_ms and tonumber(until_ms) > tonumber(ARGV[1]) then return false end
local token = redis.call('INCR', KEYS[2])
redis.call('HSET', KEYS[1], 'token', token, 'until', ARGV[1] + ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return redis.call('HMGET', KEYS[1], 'token', 'channel', 'ts', 'digest', 'detailed', 'charted', 'attempted',
  'told')
"""

# KEYS message. ARGV token, then names and values.
_WRITE: Final = """#!lua
if redis.call('HGET', KEYS[1], 'token') ~= ARGV[1] then return 0 end
for i = 2, #ARGV, 2 do redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1]) end
return 1
"""


class RedisMessageBook:
    """All keys share the tag ``{alerts}``."""

    def __init__(self, client: Any) -> None:
        self._redis = client

    @redis_errors("messages")
    def claim(self, message_id: str, now_ms: int, lease_ms: int) -> Standing | None:
        keys = (_key(message_id), "kw:{alerts}:message:tokens")
        answer = self._redis.eval(_CLAIM, 2, *keys, now_ms, lease_ms, KEPT_MS)
        if not answer:
            return None
        token, channel, ts, digest, detailed = ((raw or b"").decode() for raw in answer[:5])
        charted, attempted, told = (int(raw or 0) for raw in answer[5:])
        return Standing(int(token), channel, ts, digest, detailed, charted, attempted, told)

    @redis_errors("messages")
    def write(self, message_id: str, standing: Standing) -> bool:
        values = {
            "channel": standing.channel,
            "ts": standing.ts,
            "digest": standing.digest,
            "detailed": standing.detailed,
            "charted": standing.charted,
            "attempted": standing.attempted_ms,
            "told": standing.told_ms,
        }
        args = [standing.token, *(part for pair in values.items() for part in pair)]
        return bool(self._redis.eval(_WRITE, 1, _key(message_id), *args))

    @redis_errors("messages")
    def release(self, message_id: str, standing: Standing) -> None:
        self._redis.eval(_WRITE, 1, _key(message_id), standing.token, "until", 0)


class MemoryMessageBook:
    """The same contract, gone with the process."""

    def __init__(self) -> None:
        self._standing: dict[str, Standing] = {}
        self._until: dict[str, int] = {}
        self._tokens = 0

    def claim(self, message_id: str, now_ms: int, lease_ms: int) -> Standing | None:
        if self._until.get(message_id, 0) > now_ms:
            return None
        self._tokens += 1
        self._until[message_id] = now_ms + lease_ms
        known = self._standing.get(message_id, Standing(0))
        self._standing[message_id] = replace(known, token=self._tokens)
        return self._standing[message_id]

    def write(self, message_id: str, standing: Standing) -> bool:
        if self._standing[message_id].token != standing.token:
            return False
        self._standing[message_id] = standing
        return True

    def release(self, message_id: str, standing: Standing) -> None:
        if self._standing[message_id].token == standing.token:
            self._until[message_id] = 0


def _key(message_id: str) -> str:
    return f"kw:{{alerts}}:message:{message_id.encode().hex()}"
