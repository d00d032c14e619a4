"""Metrics and traces of a process, and what they are wrapped around."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from alerting.pipeline import Stage
from domain.clock import Clock
from domain.ports import KeyStore, Notifier
from monitor.meter import Meter
from monitor.metered import MeteredKeys, MeteredNotifier
from monitor.traces import NO_TRACES, TracedNotifier, TracedStage, Traces


@dataclass(frozen=True, slots=True)
class Telemetry:
    """The parts it gives back behave as those it was given."""

    clock: Clock
    meter: Meter = field(default_factory=Meter)
    traces: Traces = NO_TRACES

    def notifiers(self, notifiers: Sequence[Notifier]) -> list[Notifier]:
        """Counted and traced."""
        return [TracedNotifier(MeteredNotifier(n, self.meter, self.clock), self.traces) for n in notifiers]

    def keys(self, keys: KeyStore) -> KeyStore:
        """Counted."""
        return MeteredKeys(keys, self.meter)

    def stages(self, stages: Sequence[Stage]) -> list[Stage]:
        """Traced."""
        return [TracedStage(stage, self.traces) for stage in stages]
