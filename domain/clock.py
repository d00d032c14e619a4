"""Time is passed in. Only ``monitor.wiring`` reads the machine's clock."""

from __future__ import annotations

from typing import Protocol


class Clock(Protocol):
    """Seconds since the epoch (UTC), and a monotonic second counter for durations."""

    def now(self) -> float:
        """Seconds since 1970-01-01T00:00:00Z."""

    def monotonic(self) -> float:
        """Seconds since an arbitrary point; never goes back."""


class ManualClock:
    """A clock that stands still until told; shipped for tests and for replay.

    >>> clock = ManualClock(100.0)
    >>> clock.advance(5)
    >>> clock.now()
    105.0
    """

    def __init__(self, start: float = 0.0) -> None:
        self._now = start

    def now(self) -> float:
        return self._now

    def monotonic(self) -> float:
        return self._now

    def advance(self, seconds: float) -> None:
        """Move forward; a negative step is refused, as real time has none."""
        if seconds < 0:
            raise ValueError(f"a clock cannot go back ({seconds} s)")
        self._now += seconds

    def set(self, now: float) -> None:
        """Move forward to an absolute time; earlier times are ignored."""
        self._now = max(self._now, now)
