"""The alert pipeline as it runs, with nothing behind it: no key is stopped and nobody is told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from alerting.audit import MemoryAudit
from alerting.cases import MemoryCaseStore
from alerting.memory import MemoryAlertMemory
from alerting.pipeline import AlertPipeline
from alerting.policy import Policy
from alerting.review import Review
from alerting.stages.contain import Contain
from alerting.stages.dedup import Dedup
from alerting.stages.notify import Notify
from domain.clock import ManualClock
from domain.errors import KeywatchError
from keystore.memory_store import MemoryKeyStore
from monitor.checkpoint.memory import MemoryStateStore


@dataclass(frozen=True, slots=True)
class SimulatedAlerting:
    """As :class:`monitor.wiring.Alerting`, in memory; ``clock`` is where event time has come to."""

    pipeline: AlertPipeline
    review: Review
    keys: MemoryKeyStore
    clock: ManualClock


def simulated_alerting(policy: Policy, active: Callable[[], int]) -> SimulatedAlerting:
    """The stages of ``monitor.wiring.alerting_for``; ``active`` counts keys in use at the clock's time."""
    clock = ManualClock()
    memory, cases, audit = MemoryAlertMemory(), MemoryCaseStore(), MemoryAudit()
    keys = MemoryKeyStore(clock)
    stages = (
        Contain(policy, cases, keys, audit, memory, active, clock),
        Dedup(memory, policy.refire_minutes, clock),
        Notify([], memory, clock, link=_no_link, failed=_nobody_fails),
    )
    outbox = MemoryStateStore("simulation")
    return SimulatedAlerting(
        AlertPipeline(outbox, policy, stages), Review(cases, keys, audit, clock), keys, clock
    )


def _no_link(case_id: str) -> str:
    del case_id
    return ""


def _nobody_fails(name: str, error: KeywatchError) -> None:
    raise AssertionError(name) from error  # there is no notifier
