"""From a committed finding to a message: decide -> contain -> dedup -> notify, then acknowledge."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from alerting.policy import Policy
from alerting.stages.incident import Incident
from domain.errors import Refused, Transient
from domain.ports import Outbox, OutboxEntry


class Stage(Protocol):
    """One step: takes an incident, returns it with what it did."""

    name: str

    def __call__(self, incident: Incident) -> Incident: ...


class AlertPipeline:
    """Reads the outbox in order. Every stage is safe to run again for the same finding."""

    def __init__(self, outbox: Outbox, policy: Policy, stages: Sequence[Stage]) -> None:
        self._outbox = outbox
        self._policy = policy
        self._stages = tuple(stages)

    def handle(self, entry: OutboxEntry) -> Incident:
        """All stages for one finding."""
        incident = Incident(entry.finding, self._policy.decide(entry.finding))
        for stage in self._stages:
            incident = stage(incident)
        return incident

    def run_once(self, block_s: float, on_wait: Callable[[Transient], None] | None = None) -> list[Incident]:
        """Handle what waits. A finding that must wait stays in the outbox and holds those of its key."""
        done: list[Incident] = []
        held: set[str] = set()
        for entry in self._outbox.read(100, block_s):
            if entry.finding.key_id in held:
                continue
            try:
                done.append(self._patient_handle(entry))
            except Transient as error:
                held.add(entry.finding.key_id)
                if on_wait:
                    on_wait(error)
                continue
            self._outbox.ack([entry])
        return done

    def _patient_handle(self, entry: OutboxEntry) -> Incident:
        """Another replica may change the case between our read and our write: then read it again."""
        for _ in range(3):
            try:
                return self.handle(entry)
            except Refused as error:
                conflict = error
        raise Transient(conflict.reason, str(conflict))
