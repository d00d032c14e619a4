"""When and how often a key was used: counted by :meth:`verify` itself, in the same atomic step."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from keystore.results import Usage

DAYS_KEPT: Final = 35
"""Five weeks: enough for "unused for 30 days" and to compare a month; about 0.4 kB a key."""

DAY_MS: Final = 86_400_000


def day_of(moment_ms: int) -> int:
    """UTC days since 1970-01-01.

    >>> day_of(1_767_225_600_000)  # 2026-01-01
    20454
    """
    return moment_ms // DAY_MS


@dataclass(slots=True)
class Meter:
    """What changes with every use of a key: its place in the rate limit and its counts."""

    tat_us: float = 0.0
    last_used_ms: int | None = None
    days: dict[int, int] = field(default_factory=dict)

    def count(self, now_ms: int) -> None:
        """One use more; days that are past keeping go when a new one begins."""
        today = day_of(now_ms)
        self.last_used_ms = now_ms
        self.days[today] = self.days.get(today, 0) + 1
        self.days = {day: count for day, count in self.days.items() if day > today - DAYS_KEPT}

    def usage(self) -> Usage:
        """For showing."""
        return Usage(self.last_used_ms, dict(sorted(self.days.items())))
