"""How often a key may be used: the generic cell rate algorithm (GCRA), a leaky bucket in one number.

The number is the theoretical arrival time (TAT): when the bucket will be empty again. A request moves
it by one interval; it is refused when that would put it more than a whole bucket ahead of now. Source:
ITU-T I.371, annex A, in the form of virtual scheduling.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Final

from domain.errors import Reason, Rejected

UNITS_S: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
MAX_PER_S: Final = 10_000
"""100 microseconds between requests: the stored time has 1, rounded down, so at most 1 % is given away."""
MAX_LIMIT: Final = 1_000_000_000

_TEXT: Final = re.compile(r"(\d{1,10})/(\d{0,6})([smhd])(?:\+(\d{1,10}))?")


@dataclass(frozen=True, slots=True)
class RateLimit:
    """``limit`` requests every ``period_s`` seconds, up to ``burst`` of them at once.

    Raises ``Rejected(WRONG_TYPE)`` for a limit that lets nothing through, or more than 10,000 a second.
    """

    limit: int
    period_s: int
    burst: int

    def __post_init__(self) -> None:
        wide = 1 <= self.limit <= MAX_LIMIT and 1 <= self.burst <= MAX_LIMIT and self.period_s >= 1
        if not wide or self.limit > MAX_PER_S * self.period_s:
            raise _bad_rate(str(self))

    @classmethod
    def parse(cls, text: str) -> RateLimit:
        """``100/m``, ``5000/h``, ``10/30s``; ``100/m+20`` is 100 a minute, at most 20 at once.

        >>> RateLimit.parse("100/m+20")
        RateLimit(limit=100, period_s=60, burst=20)
        """
        match = _TEXT.fullmatch(text)
        if match is None:
            raise _bad_rate(text)
        limit = int(match[1])
        burst = limit if match[4] is None else int(match[4])
        return cls(limit, int(match[2] or 1) * UNITS_S[match[3]], burst)

    def __str__(self) -> str:
        burst = "" if self.burst == self.limit else f"+{self.burst}"
        return f"{self.limit}/{self.period_s}s{burst}"

    @property
    def interval_us(self) -> float:
        """Microseconds between requests that come evenly."""
        return self.period_s * 1e6 / self.limit


@dataclass(frozen=True, slots=True)
class RateStatus:
    """What is left: for the headers of the answer. Times are seconds from now."""

    limit: int
    remaining: int
    """Requests that would be let through at once now."""
    reset_s: float
    """Until the whole burst is there again."""
    retry_after_s: float = 0.0
    """Until one more is let through; above 0 only for a refused request."""


def take(limit: RateLimit, tat_us: float, now_us: int) -> tuple[float, RateStatus]:
    """Ask for one request: the TAT afterwards (unchanged when refused) and what is left.

    The Redis store runs the same arithmetic in :data:`keystore.scripts.ADMIT`.
    """
    interval = limit.interval_us
    start = max(tat_us, now_us)
    after = math.floor(start + interval)
    wait = after - interval * limit.burst - now_us
    allowed = wait <= 0
    tat = after if allowed else start
    return (tat if allowed else tat_us), status_of(limit, tat, now_us, 0.0 if allowed else wait)


def status_of(limit: RateLimit, tat_us: float, now_us: int, wait_us: float) -> RateStatus:
    """What a TAT means for the caller; ``wait_us`` above 0 says that the request was refused."""
    ahead = max(tat_us - now_us, 0.0)
    left = int(limit.burst - ahead / limit.interval_us + 1e-6)
    return RateStatus(limit.limit, 0 if wait_us > 0 else max(left, 0), ahead / 1e6, max(wait_us, 0.0) / 1e6)


def _bad_rate(text: str) -> Rejected:
    return Rejected(
        Reason.WRONG_TYPE,
        f"rate {text[:40]!r}: write requests/period, such as 100/m, 5000/h or 100/m+20 (20 at once); "
        f"at least 1, at most {MAX_PER_S:,} a second",
    )
