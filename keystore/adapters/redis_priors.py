"""Prior states in Redis, shared by all replicas."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from domain.errors import Fatal, Reason
from keystore.adapters.priors import Hold, Overwritten
from keystore.redis_errors import redis_errors

RELEASED_KEPT_MS: Final = 90 * 86_400_000
"""A case that ended may not suspend again; no finding waits in an outbox for longer than this."""

_encode: Final = msgspec.json.Encoder(order="deterministic").encode
_decode: Final = msgspec.json.Decoder(Hold).decode

# KEYS hold, held. ARGV hold, version, unit in hex, 1 if it holds, milliseconds a released one is kept.
# Answers 0 when another version is stored. Everything is checked before the first write.
_PUT: Final = """#!lua flags=allow-oom
local stored = redis.call('HMGET', KEYS[1], 'hold', 'version')
if stored[1] == ARGV[1] then return 1 end
if tonumber(stored[2] or '0') + 1 ~= tonumber(ARGV[2]) then return 0 end
redis.call('HSET', KEYS[1], 'hold', ARGV[1], 'version', ARGV[2])
if ARGV[4] == '1' then
  redis.call('PERSIST', KEYS[1])
  redis.call('SADD', KEYS[2], ARGV[3])
else
  redis.call('PEXPIRE', KEYS[1], ARGV[5])
  redis.call('SREM', KEYS[2], ARGV[3])
end
return 1
"""


class RedisPriorStates:
    """``store`` names the kind of key store, so that two of them share no key.

    All keys have one hash tag, as a hold and the set of held keys are one write; suspensions are few.
    Units are in hex: they are exact bytes from outside, and braces in one would move the tag.
    """

    def __init__(self, redis: Any, store: str, namespace: str = "kw") -> None:
        self._redis = redis
        self._base = f"{namespace}:{{prior:{store}}}"

    def get(self, unit: str) -> Hold | None:
        with redis_errors():
            raw: bytes | None = self._redis.hget(self._name(unit), "hold")
        if raw is None:
            return None
        try:
            return _decode(raw)
        except msgspec.DecodeError as error:
            raise Fatal(
                Reason.CORRUPT, f"key store: the prior state of {unit!r} cannot be read: {error}"
            ) from error

    def put(self, unit: str, hold: Hold) -> None:
        keys = (self._name(unit), f"{self._base}:held")
        args = (_encode(hold), hold.version, _hex(unit), int(hold.holds), RELEASED_KEPT_MS)
        with redis_errors():
            written = self._redis.eval(_PUT, len(keys), *keys, *args)
        if not written:
            raise Overwritten(unit)

    def held(self) -> Sequence[str]:
        with redis_errors():
            found: set[bytes] = self._redis.smembers(f"{self._base}:held")
        return [bytes.fromhex(name.decode()).decode() for name in found]

    def _name(self, unit: str) -> str:
        return f"{self._base}:{_hex(unit)}"


def _hex(unit: str) -> str:
    return unit.encode().hex()
