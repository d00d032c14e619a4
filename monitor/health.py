"""What the probes answer: live by progress of the loop alone, ready by what the role needs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from domain.clock import Clock

REDIS_LATELY_S: Final = 30.0
SPARE_AFTER_S: Final = 60.0
"""A consumer that gets no partition for this long is a spare: ready, or it would hold up every rollout."""

Check = Callable[[], str]
"""Says in words what is wrong, or nothing."""


class Progress(Protocol):
    """A loop that says when it last took a step (monotonic seconds), and how many rounds it made."""

    polls: int
    progress_s: float


@dataclass(slots=True)
class Rounds:
    """The progress of a loop that keeps no other statistics."""

    polls: int = 0
    progress_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Health:
    """Answers of the three probes: what is wrong, nothing if all is well.

    ``live`` never asks Redis, Kafka or Slack: a restart would not mend them. ``stalled_s``: how long one
    step of the loop may take. Reads plain attributes of the loop's thread, never blocks.
    """

    clock: Clock
    loop: Progress
    stalled_s: float = 120.0
    needs: Sequence[Check] = field(default_factory=tuple)

    def live(self) -> list[str]:
        """Restart the process when this is not empty."""
        still = self.clock.monotonic() - self.loop.progress_s
        if not self.loop.progress_s or still <= self.stalled_s:
            return []
        return [f"the loop has made no step for {still:.0f} s (metrics.stalled_s is {self.stalled_s:.0f})"]

    def started(self) -> list[str]:
        """Begin the other probes when this is empty."""
        return [] if self.loop.polls else ["the first round of the loop is not over"]

    def ready(self) -> list[str]:
        """Count this replica as working when this is empty."""
        return self.started() + self.live() + [wrong for check in self.needs if (wrong := check())]


class HoldsPartitions:
    """Wrong until the group gave partitions; a replica that goes without for a minute is a spare."""

    def __init__(self, clock: Clock, partitions: Callable[[], int]) -> None:
        self._clock = clock
        self._partitions = partitions
        self._without_since = clock.monotonic()

    def __call__(self) -> str:
        now = self._clock.monotonic()
        if self._partitions():
            self._without_since = now
            return ""
        return "" if now - self._without_since >= SPARE_AFTER_S else "no partition is assigned"


class AnswersLately:
    """Wrong while Redis has not answered for half a minute."""

    def __init__(self, age_s: Callable[[], float]) -> None:
        self._age_s = age_s

    def __call__(self) -> str:
        age = self._age_s()
        return f"Redis has not answered for {age:.0f} s" if age > REDIS_LATELY_S else ""
