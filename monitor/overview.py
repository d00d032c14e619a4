"""How all replicas together fare, from what each of them left in Redis."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from alerting.found import DAY_MS, FindingStore
from alerting.memory import AlertMemory
from alerting.policy import Policy
from domain.clock import Clock
from domain.desk import DeliveryReport
from domain.overview import BudgetUse, Minute, Pulse
from monitor.pulse import MINUTES, NOTHING, Counted, PartitionPulse, Pulses

HOUR_MS: Final = 3_600_000
FRESH_MS: Final = 60_000
"""What a consumer said of its lag holds for so long."""


class Overall:
    """A :class:`domain.overview.Overview`. A dozen round trips, whatever the number of partitions."""

    def __init__(
        self,
        pulses: Pulses,
        partitions: Callable[[], Sequence[int]],
        active: Callable[[], int],
        findings: FindingStore,
        memory: AlertMemory,
        policy: Callable[[], Policy],
        delivery: Callable[[], DeliveryReport],
        clock: Clock,
    ) -> None:
        self._pulses = pulses
        self._partitions = partitions
        self._active = active
        self._findings = findings
        self._memory = memory
        self._policy = policy
        self._delivery = delivery
        self._clock = clock

    def pulse(self) -> Pulse:
        now_ms = int(self._clock.now() * 1000)
        told, active, counts = (
            self._pulses.read(self._partitions()),
            self._active(),
            self._findings.counts(now_ms),
        )
        minutes = _minutes(told)
        last = now_ms // 60_000
        hour = [minutes.get(minute, NOTHING) for minute in range(last - MINUTES + 1, last + 1)]
        return Pulse(
            at_ms=now_ms,
            events_per_s=minutes.get(last - 1, NOTHING).events / 60,
            lag=_lag(told, now_ms),
            silent_s=_silent_s(told, now_ms),
            partitions=len(told),
            active_keys=active,
            rejected=sum(counted.rejected for counted in hour),
            findings=counts.findings,
            alerts=counts.alerts,
            suspensions=self._memory.suspensions_since(now_ms - DAY_MS, ""),
            alert_budget=BudgetUse(counts.keys_alerted, self._policy().alert_p * active),
            suspension_budget=self._suspensions(active, now_ms),
            delivery=self._delivery(),
            minutes=[
                Minute((last - MINUTES + 1 + i) * 60_000, counted.events, counted.findings)
                for i, counted in enumerate(hour)
            ],
        )

    def _suspensions(self, active: int, now_ms: int) -> BudgetUse:
        allowed = self._policy().budget.allowed(active)
        made = self._memory.suspensions_since(now_ms - HOUR_MS, "")
        return BudgetUse(made, allowed, spent=made >= allowed)


def _minutes(told: Sequence[PartitionPulse]) -> dict[int, Counted]:
    out: dict[int, Counted] = {}
    for one in told:
        for minute, counted in one.minutes.items():
            out[minute] = out.get(minute, NOTHING).plus(counted)
    return out


def _lag(told: Sequence[PartitionPulse], now_ms: int) -> int | None:
    """Of the partitions whose consumer speaks; None when none does."""
    fresh = [
        one.lag
        for one in told
        if one.lag is not None and one.told_ms is not None and now_ms - one.told_ms <= FRESH_MS
    ]
    return sum(fresh) if fresh else None


def _silent_s(told: Sequence[PartitionPulse], now_ms: int) -> float | None:
    """A partition nobody told of within a day counts as silent for that day."""
    ages = [DAY_MS if one.told_ms is None else max(now_ms - one.told_ms, 0) for one in told]
    return max(ages) / 1000 if ages else None
