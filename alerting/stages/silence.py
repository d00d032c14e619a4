"""What people asked not to hear of. Containment has happened by now: a silence never holds it up."""

from __future__ import annotations

from alerting.stages.handling import Handling
from domain.clock import Clock
from domain.desk import SilenceStore
from domain.silence import Silence


class Silenced:
    """The message of a suspension is muted only by a silence that says so."""

    name = "silence"

    def __init__(self, silences: SilenceStore, clock: Clock) -> None:
        self._silences = silences
        self._clock = clock

    def __call__(self, handling: Handling) -> Handling:
        if handling.quiet:
            return handling
        now_ms = int(self._clock.now() * 1000)
        for silence in self._silences.active(now_ms):
            if silence.mutes(handling.finding, now_ms) and _may_mute(silence, handling):
                return handling.hushed(f"silenced by {silence.who} ({silence.id}): {silence.why}")
        return handling


def _may_mute(silence: Silence, handling: Handling) -> bool:
    suspended = handling.case is not None and handling.case.suspended
    return silence.suspensions or not suspended
