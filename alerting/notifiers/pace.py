"""Slack takes about one message a second a channel, from all replicas together."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, Protocol

from domain.clock import Clock
from domain.errors import Reason, Transient
from domain.redis_errors import redis_errors

SPACING_MS: Final = 1_000
PATIENCE_MS: Final = 5_000
"""Longer than this is not waited for: the errand comes again."""


class Pace(Protocol):
    """Whose turn it is."""

    def reserve(self, channel: str, now_ms: int) -> int:
        """Milliseconds until our turn, which is taken; more than ``PATIENCE_MS`` takes none."""

    def hold(self, channel: str, until_ms: int) -> None:
        """Nobody's turn before then: the other side asked for it."""


class MemoryPace:
    """For one process."""

    def __init__(self) -> None:
        self._next: dict[str, int] = {}

    def reserve(self, channel: str, now_ms: int) -> int:
        wait = max(self._next.get(channel, now_ms) - now_ms, 0)
        if wait <= PATIENCE_MS:
            self._next[channel] = now_ms + wait + SPACING_MS
        return wait

    def hold(self, channel: str, until_ms: int) -> None:
        self._next[channel] = max(self._next.get(channel, 0), until_ms)


_RESERVE: Final = """#!lua
local turn = math.max(tonumber(redis.call('GET', KEYS[1]) or '0'), tonumber(ARGV[1]))
local wait = turn - ARGV[1]
if wait <= tonumber(ARGV[2]) then redis.call('SET', KEYS[1], turn + ARGV[3], 'PX', 600000) end
return wait
"""
_HOLD: Final = """#!lua
local turn = math.max(tonumber(redis.call('GET', KEYS[1]) or '0'), tonumber(ARGV[1]))
redis.call('SET', KEYS[1], turn, 'PX', 600000)
return turn
"""


class RedisPace:
    """For all replicas; their clocks must agree to a second."""

    def __init__(self, client: Any) -> None:
        self._redis = client

    @redis_errors("pace")
    def reserve(self, channel: str, now_ms: int) -> int:
        return int(self._redis.eval(_RESERVE, 1, _key(channel), now_ms, PATIENCE_MS, SPACING_MS))

    @redis_errors("pace")
    def hold(self, channel: str, until_ms: int) -> None:
        self._redis.eval(_HOLD, 1, _key(channel), until_ms)


def _key(channel: str) -> str:
    return f"kw:{{alerts}}:pace:{channel.encode().hex()}"


def take_turn(pace: Pace, channel: str, clock: Clock, sleep: Callable[[float], None]) -> None:
    """Wait for our turn. Raises ``Transient`` when it is too far away."""
    wait_ms = pace.reserve(channel, int(clock.now() * 1000))
    if wait_ms > PATIENCE_MS:
        raise Transient(Reason.THROTTLED, f"{channel} is busy for {wait_ms / 1000:.0f} s", wait_ms / 1000)
    if wait_ms:
        sleep(wait_ms / 1000)
