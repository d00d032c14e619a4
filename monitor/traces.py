"""Traces from a Kafka record to a message: the interface, and the one that does nothing.

OpenTelemetry itself is imported only where ``traces.enabled`` is set (``monitor.traces_otel``).
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Final, Protocol

from alerting.pipeline import Stage
from domain.finding import Finding
from domain.ports import Notifier
from monitor.source.base import RecordBatch


class Traces(Protocol):
    """Spans. All calls are cheap and never raise because of tracing."""

    def batch(self, batch: RecordBatch) -> AbstractContextManager[None]:
        """Around one batch; linked to the traces its records come from."""

    def found(self, batch: RecordBatch, findings: Sequence[Finding]) -> None:
        """One span a finding, in the trace of the record that made it; kept for the alert side."""

    def stage(self, name: str, finding: Finding) -> AbstractContextManager[None]:
        """Around one stage of the alert pipeline, in the finding's trace."""

    def step(self, name: str) -> AbstractContextManager[None]:
        """Around a part of what is at hand."""

    def close(self) -> None:
        """Send what is left."""


class NoTraces:
    """Costs a call."""

    def batch(self, *_: object) -> AbstractContextManager[None]:
        return nullcontext()

    stage = step = batch

    def found(self, *_: object) -> None:
        pass

    def close(self) -> None:
        pass


NO_TRACES: Final[Traces] = NoTraces()


class TracedStage:
    """A stage inside a span of its name."""

    def __init__(self, inner: Stage, traces: Traces) -> None:
        self.name = inner.name
        self._inner = inner
        self._traces = traces

    def __call__(self, incident: Any) -> Any:
        with self._traces.stage(self.name, incident.finding):
            return self._inner(incident)


class TracedNotifier:
    """A notifier inside a span of its name, in the trace of the newest finding it tells of."""

    def __init__(self, inner: Notifier, traces: Traces) -> None:
        self.name = inner.name
        self._inner = inner
        self._traces = traces

    def send(self, alert: Any) -> None:
        findings = getattr(alert, "findings", ())
        name = f"tell {self.name}"
        with self._traces.stage(name, findings[-1]) if findings else self._traces.step(name):
            self._inner.send(alert)
