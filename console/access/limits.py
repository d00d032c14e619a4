"""How often somebody may: counted in Redis, so that all replicas count together."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any, Final

from domain.redis_errors import redis_errors

# KEYS count. ARGV window in ms, how much to count. Answers the count and the ms that are left.
_COUNT: Final = """#!lua
local count = tonumber(redis.call('GET', KEYS[1]) or '0')
if tonumber(ARGV[2]) > 0 then
  count = redis.call('INCRBY', KEYS[1], ARGV[2])
  if count == tonumber(ARGV[2]) then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end
end
return {count, redis.call('PTTL', KEYS[1])}
"""


@dataclass(frozen=True, slots=True)
class Usage:
    """Of a ``limit`` in ``window_s``, ``used``; the window ends in ``reset_s``."""

    limit: int
    window_s: int
    used: int
    reset_s: int

    @property
    def over(self) -> bool:
        """More than allowed."""
        return self.used > self.limit

    @property
    def headers(self) -> dict[str, str]:
        """As draft-ietf-httpapi-ratelimit-headers-10 has them."""
        left = max(0, self.limit - self.used)
        return {
            "RateLimit-Policy": f'"person";q={self.limit};w={self.window_s}',
            "RateLimit": f'"person";r={left};t={self.reset_s}',
        }


class RedisLimits:
    """Counts in fixed windows that begin with the first act. One round trip."""

    def __init__(self, client: Any) -> None:
        self._redis = client

    @redis_errors("rate limits")
    def count(self, what: str, who: str, limit: int, window_s: int, by: int = 1) -> Usage:
        """Count ``by`` more of ``what``; 0 only looks."""
        name = hashlib.sha256(f"{what}\0{who}".encode(errors="replace")).hexdigest()
        used, left_ms = self._redis.eval(_COUNT, 1, f"kw:console:rate:{name}", window_s * 1000, by)
        return Usage(limit, window_s, used, max(1, -(-left_ms // 1000)) if left_ms > 0 else window_s)
