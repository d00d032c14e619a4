"""One sound an incident, until it becomes worse or the refire time has passed."""

from __future__ import annotations

from dataclasses import replace

from alerting.stages.handling import Handling
from domain.clock import Clock
from domain.decision import Action


class Dedup:
    """Says why the message is loud, or why it only changes what it says."""

    name = "dedup"

    def __init__(self, refire_minutes: int, clock: Clock) -> None:
        self._refire_ms = refire_minutes * 60_000
        self._clock = clock

    def __call__(self, handling: Handling) -> Handling:
        if handling.quiet or handling.incident is None:
            return handling
        loud, because = self._judged(handling)
        return replace(handling, loud=loud, because=because)

    def _judged(self, handling: Handling) -> tuple[bool, str]:
        incident, action = handling.incident, handling.decision.action
        if incident is None or incident.told_rank < 0:
            return True, "first message"
        if action.rank > incident.told_rank:
            before = list(Action)[incident.told_rank]
            return True, f"became worse: {before.value}, now {action.value}"
        if handling.repeated:
            return False, "it came again"
        if self._clock.now() * 1000 - incident.told_ms >= self._refire_ms:
            return True, f"still going on after {self._refire_ms // 60_000} minutes"
        return False, "told already, and it has not become worse"
