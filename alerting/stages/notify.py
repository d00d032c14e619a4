"""Have people told: puts the incident's messages on the agenda, and so is never held up by Slack."""

from __future__ import annotations

from dataclasses import replace

from alerting.delivery.dispatch import Outgoing
from alerting.incidents.base import IncidentStore
from alerting.stages.handling import Handling
from domain.clock import Clock


class Notify:
    """A worker makes the messages say what the incident is by then, see ``alerting.delivery.worker``."""

    name = "notify"

    def __init__(self, incidents: IncidentStore, out: Outgoing, clock: Clock) -> None:
        self._incidents = incidents
        self._out = out
        self._clock = clock

    def __call__(self, handling: Handling) -> Handling:
        incident = handling.incident
        if handling.quiet or incident is None:
            return handling
        if handling.loud:
            rank = max(incident.told_rank, handling.decision.action.rank)
            now_ms = int(self._clock.now() * 1000)
            incident = self._incidents.told(incident.id, rank, now_ms)
        to = self._out.incident(incident, soon=handling.loud)
        return replace(handling, incident=incident, told=tuple(to))
