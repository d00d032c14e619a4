"""Traces with OpenTelemetry. Contexts come from the records' ``traceparent`` headers (W3C Trace Context).

A batch holds thousands of records, so it is one span with links to some of their traces; a finding is a
span in the trace of the record that made it. What leaves through the outbox finds its trace again through
:class:`Contexts`: the outbox itself is state and holds none.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final, Protocol

import numpy as np
import redis.exceptions
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import Link, SpanKind
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from domain.clock import Clock
from domain.finding import Finding
from monitor.logs import Log
from monitor.source.base import Headers, RecordBatch

LINKS: Final = 32
LOOKED_AT: Final = 256
"""Links of a batch at most, and how many of its records are asked for one."""
KEPT_S: Final = 86_400
REMEMBERED: Final = 1_000
_W3C: Final = TraceContextTextMapPropagator()


class Contexts(Protocol):
    """Carries a finding's trace from the consumer to the alert side, as best it can."""

    def put(self, finding_id: str, carrier: str) -> None: ...
    def get(self, finding_id: str) -> str: ...


class RedisContexts:
    """One key a finding for a day."""

    def __init__(self, client: Any, log: Log) -> None:
        self._redis = client
        self._log = log

    def put(self, finding_id: str, carrier: str) -> None:
        try:
            self._redis.set(f"kw:trace:{finding_id}", carrier, ex=KEPT_S)
        except redis.exceptions.RedisError as error:
            self._log.warning("trace_not_kept", error=str(error))

    def get(self, finding_id: str) -> str:
        try:
            raw: bytes | None = self._redis.get(f"kw:trace:{finding_id}")
        except redis.exceptions.RedisError:
            return ""
        return (raw or b"").decode()


class OtelTraces:
    """One a process. Each method is used by one thread, but not all by the same."""

    def __init__(self, provider: TracerProvider, contexts: Contexts, topic: str, clock: Clock) -> None:
        self._provider = provider
        self._tracer = provider.get_tracer("keywatch")
        self._contexts = contexts
        self._topic = topic
        self._clock = clock
        self._seen: OrderedDict[str, Context] = OrderedDict()

    @contextmanager
    def batch(self, batch: RecordBatch) -> Iterator[None]:
        attributes: dict[str, str | int] = {
            "messaging.system": "kafka",
            "messaging.destination.name": self._topic,
            "messaging.destination.partition.id": str(batch.partition),
            "messaging.kafka.offset": int(batch.offsets[0]),
            "messaging.batch.message_count": len(batch),
        }
        with self._tracer.start_as_current_span(
            "consume", kind=SpanKind.CONSUMER, links=_links(batch), attributes=attributes
        ):
            yield

    def found(self, batch: RecordBatch, findings: Sequence[Finding]) -> None:
        here = trace.get_current_span().get_span_context()
        for finding in findings:
            origin = _origin(batch, finding)
            span = self._tracer.start_span(
                "finding",
                context=origin,
                links=[Link(here)] if origin else [],
                attributes=_attributes(finding),
            )
            carrier: dict[str, str] = {}
            _W3C.inject(carrier, trace.set_span_in_context(span))
            span.end()
            if carrier:
                self._contexts.put(finding.id, f"{carrier['traceparent']} {self._now_ns()}")

    @contextmanager
    def stage(self, name: str, finding: Finding) -> Iterator[None]:
        context = self._seen.get(finding.id) or self._taken_up(finding)
        with self._tracer.start_as_current_span(name, context=context, attributes=_attributes(finding)):
            yield

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        with self._tracer.start_as_current_span(name, kind=SpanKind.CLIENT):
            yield

    def close(self) -> None:
        self._provider.shutdown()

    def _taken_up(self, finding: Finding) -> Context:
        """The finding's context; its first look-up is also the end of its time in the outbox."""
        parent, _, since = self._contexts.get(finding.id).partition(" ")
        context = _W3C.extract({"traceparent": parent}, Context())
        if since:
            self._tracer.start_span("outbox", context, start_time=int(since)).end(self._now_ns())
        self._seen[finding.id] = context
        if len(self._seen) > REMEMBERED:
            self._seen.popitem(last=False)
        return context

    def _now_ns(self) -> int:
        return int(self._clock.now() * 1e9)


def _attributes(finding: Finding) -> dict[str, str | float]:
    return {
        "keywatch.detector": finding.detector,
        "keywatch.key_id": finding.key_id,
        "keywatch.finding_id": finding.id,
        "keywatch.risk": finding.risk,
    }


def _links(batch: RecordBatch) -> list[Link]:
    links: list[Link] = []
    for row in range(min(len(batch), LOOKED_AT)):
        context = _extracted(batch.headers[row])
        if context:
            links.append(Link(trace.get_current_span(context).get_span_context()))
        if len(links) == LINKS:
            break
    return links


def _origin(batch: RecordBatch, finding: Finding) -> Context | None:
    """The trace of the record that made the finding, if it is in this batch and has one."""
    row = int(np.searchsorted(batch.offsets, finding.offset))
    if row == len(batch) or batch.offsets[row] != finding.offset:
        return None
    return _extracted(batch.headers[row])


def _extracted(headers: Headers) -> Context | None:
    for name, value in headers:
        if name == "traceparent" and value:
            context = _W3C.extract({name: value.decode("ascii", "replace")}, Context())
            if trace.get_current_span(context).get_span_context().is_valid:
                return context
    return None
