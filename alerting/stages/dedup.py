"""One message a key, until the action rises or the refire time has passed."""

from __future__ import annotations

from dataclasses import replace

from alerting.memory import AlertMemory
from alerting.stages.incident import Incident
from domain.clock import Clock


class Dedup:
    """Says why it keeps quiet."""

    name = "dedup"

    def __init__(self, memory: AlertMemory, refire_minutes: int, clock: Clock) -> None:
        self._memory = memory
        self._refire_ms = refire_minutes * 60_000
        self._clock = clock

    def __call__(self, incident: Incident) -> Incident:
        last = None if incident.quiet else self._memory.last_sent(incident.finding.key_id)
        if last is None:
            return incident
        rank, at = last
        if incident.decision.action.rank > rank or self._clock.now() * 1000 - at >= self._refire_ms:
            return incident
        return replace(incident, quiet="told already, and it has not become worse")
