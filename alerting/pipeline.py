"""From a committed finding to what people are told: stages in order, then acknowledge."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from alerting.desk import Desk
from alerting.found import FindingStore
from alerting.memory import AlertMemory
from alerting.policy import Policy
from alerting.stages.decide import Decide
from alerting.stages.dedup import Dedup
from alerting.stages.group import Group
from alerting.stages.handling import Handling
from alerting.stages.inhibit import Inhibit
from alerting.stages.notify import Notify
from alerting.stages.record import Record
from alerting.stages.silence import Silenced
from alerting.stages.suspend import Suspend
from domain.desk import KeyHistory, SilenceStore
from domain.errors import KeywatchError, Reason, Refused, Transient
from domain.ports import Outbox, OutboxEntry


class Stage(Protocol):
    """One step: takes what is known of a finding, returns it with what it did."""

    name: str

    def __call__(self, handling: Handling) -> Handling: ...


def stages(
    policy: Policy,
    desk: Desk,
    silences: SilenceStore,
    memory: AlertMemory,
    history: KeyHistory | None,
    findings: FindingStore,
    active_keys: Callable[[], int],
) -> tuple[Stage, ...]:
    """The whole way of a finding. Containment comes first, and nothing behind it can hold it up."""
    clock, cases, out = desk.clock, desk.cases, desk.out
    return (
        Decide(policy, cases, clock),
        Suspend(policy, desk, memory, active_keys),
        Group(desk.incidents, policy.group.grouping(), cases, history, clock),
        Inhibit(policy, memory, clock),
        Silenced(silences, clock),
        Dedup(policy.refire_minutes, clock),
        Notify(desk.incidents, out, clock),
        Record(cases, out, findings, clock),
    )


class AlertPipeline:
    """Reads the outbox in order. Every stage is safe to run again for the same finding."""

    def __init__(self, outbox: Outbox, stages: Sequence[Stage]) -> None:
        self._outbox = outbox
        self._stages = tuple(stages)

    def handle(self, entry: OutboxEntry) -> Handling:
        """All stages for one finding."""
        handling = Handling(entry.finding)
        for stage in self._stages:
            handling = stage(handling)
        return handling

    def run_once(self, block_s: float, on_wait: Callable[[Transient], None] | None = None) -> list[Handling]:
        """Handle what waits. A finding that must wait stays in the outbox and holds those of its key."""
        done: list[Handling] = []
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

    def _patient_handle(self, entry: OutboxEntry) -> Handling:
        """Another replica may change the case between our read and our write: then read it again.

        A finding that no stage can bear waits too, seen by its age in the outbox: it must neither be lost
        nor stop the others.
        """
        conflict: Exception | None = None
        for _ in range(3):
            try:
                return self.handle(entry)
            except Refused as error:
                conflict = error
            except KeywatchError:
                raise
            except Exception as error:
                text = f"finding {entry.finding.id} cannot be handled: {type(error).__name__}: {error}"
                raise Transient(Reason.CORRUPT, text) from error
        raise Transient(Reason.CONFLICT, str(conflict))
