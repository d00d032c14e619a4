"""The alert pipeline as it runs, with nothing behind it: no key is stopped and nobody is told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from alerting.audit import MemoryAudit
from alerting.cases import MemoryCaseStore
from alerting.delivery.agenda import MemoryAgenda
from alerting.delivery.dispatch import Dispatch
from alerting.delivery.routes import Routes
from alerting.desk import Desk
from alerting.findings import MemoryFindingStore
from alerting.found import Keep
from alerting.incidents.memory import MemoryIncidentStore
from alerting.memory import MemoryAlertMemory
from alerting.pipeline import AlertPipeline, stages
from alerting.policy import Policy
from alerting.review import Review
from alerting.silences import MemorySilenceStore
from domain.clock import ManualClock
from keystore.memory_store import MemoryKeyStore
from monitor.checkpoint.memory import MemoryStateStore


@dataclass(frozen=True, slots=True)
class SimulatedAlerting:
    """As :class:`monitor.wiring_alerting.Alerting`, in memory; ``clock`` is where event time has come to."""

    pipeline: AlertPipeline
    review: Review
    keys: MemoryKeyStore
    clock: ManualClock


def simulated_alerting(policy: Policy, active: Callable[[], int]) -> SimulatedAlerting:
    """The stages of :func:`alerting.pipeline.stages`; ``active`` counts keys in use at the clock's time."""
    clock = ManualClock()
    keys = MemoryKeyStore(clock)
    rules = policy.rulebook()
    dispatch = Dispatch(MemoryAgenda(), MemoryAgenda(), Routes([]), rules, [], clock)
    desk = Desk(
        MemoryCaseStore(),
        MemoryIncidentStore(),
        keys,
        keys,
        MemoryAudit(clock),
        dispatch,
        rules,
        clock,
    )
    findings = MemoryFindingStore(Keep(count=0))
    ordered = stages(policy, desk, MemorySilenceStore(), MemoryAlertMemory(), None, findings, active)
    pipeline = AlertPipeline(MemoryStateStore("simulation"), ordered)
    return SimulatedAlerting(pipeline, Review(desk), keys, clock)
