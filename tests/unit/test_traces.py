"""One trace from the Kafka record to the message, and nothing of OpenTelemetry where it is not asked for."""

from __future__ import annotations

import subprocess
import sys

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from alerting.pipeline import AlertPipeline, stages
from alerting.policy import load_policy
from domain.clock import ManualClock
from domain.errors import Fatal, Reason, Transient
from domain.ports import Message
from monitor.checkpoint.memory import MemoryStateStore
from monitor.config import Config, DetectConfig, TracesConfig
from monitor.pipeline import Pipeline
from monitor.source.base import Headers
from monitor.source.memory import MemorySource
from monitor.telemetry import Telemetry
from monitor.traces import NO_TRACES
from monitor.traces_otel import LINKS, OtelTraces
from monitor.wiring_traces import traces_for
from tests.office import replica
from tests.pipelines import TOPIC, memory_pipeline, to_the_end

LINE = b'{"ts":%d,"key_id":"%s","ip":"198.18.0.1","method":"GET","endpoint":"/v1/a","status":200}'
TS = 1_780_000_000_000
RECORD_TRACE = 0xABC


class MemoryContexts:
    """What Redis keeps between the two sides."""

    def __init__(self) -> None:
        self.kept: dict[str, str] = {}

    def put(self, finding_id: str, carrier: str) -> None:
        self.kept[finding_id] = carrier

    def get(self, finding_id: str) -> str:
        return self.kept.get(finding_id, "")


class Channel:
    """A notifier that does not answer the first ``failures`` times."""

    name = "slack"

    def __init__(self, failures: int) -> None:
        self.failures = failures

    def send(self, message: Message) -> None:
        del message
        self.failures -= 1
        if self.failures >= 0:
            raise Transient(Reason.TIMEOUT, "slow")


class Scene:
    """A consumer and an alert side that share nothing but the store and the trace contexts."""

    def __init__(self) -> None:
        self.exporter = InMemorySpanExporter()
        self.provider = TracerProvider()
        self.provider.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.contexts = MemoryContexts()
        self.store = MemoryStateStore(TOPIC)
        self.clock = ManualClock(TS / 1000)

    def traces(self) -> OtelTraces:
        return OtelTraces(self.provider, self.contexts, TOPIC, self.clock)

    def consume(self, headers: Headers, ordinary: int = 0) -> Pipeline:
        detect = DetectConfig(honey_keys=["honey"])
        pipeline = memory_pipeline([LINE % (TS + n, b"k") for n in range(ordinary)], self.store, detect)
        pipeline.traces = self.traces()
        assert isinstance(pipeline.source, MemorySource)
        pipeline.source.log.append(0, LINE % (TS + ordinary, b"honey"), headers=headers)
        to_the_end(pipeline)
        return pipeline

    def alert(self, failures: int = 0) -> None:
        telemetry = Telemetry(self.clock, traces=self.traces())
        office = replica(
            clock=self.clock,
            policy=load_policy(None),
            notifiers=telemetry.notifiers({"slack": Channel(failures)}),
        )
        office.stores.keys.import_external("honey", "acme", "")
        stores = office.stores
        kept = (stores.silences, stores.memory, None, stores.findings)
        ordered = stages(office.policy, office.desk, *kept, lambda: 1000)
        AlertPipeline(self.store, telemetry.stages(ordered)).run_once(0)
        for _ in range(failures + 1):
            office.deliver(60)

    def spans(self, name: str) -> list[ReadableSpan]:
        return [span for span in self.exporter.get_finished_spans() if span.name == name]

    def span(self, name: str) -> ReadableSpan:
        (one,) = self.spans(name)
        return one


def header(number: int, value: str = "00-{trace:032x}-{span:016x}-01") -> Headers:
    return [("x-request-id", b"7"), ("traceparent", value.format(trace=number, span=number).encode())]


def trace_of(span: ReadableSpan) -> int:
    assert span.context is not None
    return span.context.trace_id


def parent_of(span: ReadableSpan) -> int:
    assert span.parent is not None
    return span.parent.span_id


def id_of(span: ReadableSpan) -> int:
    assert span.context is not None
    return span.context.span_id


def test_one_trace_goes_from_the_record_to_the_message() -> None:
    scene = Scene()
    scene.consume(header(RECORD_TRACE), ordinary=3)
    scene.clock.advance(5)
    scene.alert()
    finding, outbox, told = scene.span("finding"), scene.span("outbox"), scene.span("tell slack")
    for span in (finding, outbox, scene.span("suspend"), scene.span("notify"), told):
        assert trace_of(span) == RECORD_TRACE, span.name
    assert parent_of(finding) == RECORD_TRACE
    assert parent_of(outbox) == parent_of(scene.span("notify")) == id_of(finding)
    assert parent_of(told) == id_of(finding)
    assert outbox.end_time is not None
    assert outbox.start_time is not None
    assert outbox.end_time - outbox.start_time == 5_000_000_000


def test_a_batch_is_linked_to_its_records_and_a_finding_to_its_batch() -> None:
    scene = Scene()
    scene.consume(header(RECORD_TRACE))
    batch = scene.span("consume")
    assert [link.context.trace_id for link in batch.links] == [RECORD_TRACE]
    assert [link.context.span_id for link in scene.span("finding").links] == [id_of(batch)]
    assert batch.attributes is not None
    assert batch.attributes["messaging.destination.name"] == TOPIC
    assert batch.attributes["messaging.batch.message_count"] == 1


def test_the_links_of_a_batch_are_bounded() -> None:
    scene = Scene()
    pipeline = memory_pipeline([], scene.store)
    pipeline.traces = scene.traces()
    assert isinstance(pipeline.source, MemorySource)
    for number in range(1, LINKS + 10):
        pipeline.source.log.append(0, LINE % (TS + number, b"k"), headers=header(number))
    to_the_end(pipeline)
    assert len(scene.span("consume").links) == LINKS


@pytest.mark.parametrize("value", ["", "garbage", "00-{trace:032x}-0000000000000000-01", "\xff"])
def test_without_a_usable_header_a_finding_belongs_to_its_batch(value: str) -> None:
    scene = Scene()
    scene.consume(header(RECORD_TRACE, value))
    batch, finding = scene.span("consume"), scene.span("finding")
    assert trace_of(finding) == trace_of(batch)
    assert parent_of(finding) == id_of(batch)
    assert not batch.links


def test_a_failed_try_is_an_error_and_the_wait_in_the_outbox_is_told_once() -> None:
    scene = Scene()
    scene.consume(header(RECORD_TRACE))
    scene.alert(failures=2)
    assert [span.status.status_code for span in scene.spans("tell slack")] == [
        StatusCode.ERROR,
        StatusCode.ERROR,
        StatusCode.UNSET,
    ]
    assert len(scene.spans("outbox")) == 1


def test_a_lost_context_costs_the_trace_and_not_the_alert() -> None:
    scene = Scene()
    scene.consume(header(RECORD_TRACE))
    scene.contexts.kept.clear()
    scene.alert()
    assert trace_of(scene.span("notify")) != RECORD_TRACE
    assert not scene.spans("outbox")
    assert not scene.store.read(10, 0)


def test_nothing_is_imported_when_traces_are_off() -> None:
    # redis-py imports parts of OpenTelemetry by itself, so ask for what only we would import
    parts = "{'monitor.traces_otel', 'opentelemetry.exporter'}"
    code = f"import monitor.daemon, monitor.alert_daemon, sys; print({parts} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert done.stdout == b"set()\n"


def test_traces_are_off_by_default() -> None:
    log = memory_pipeline([], MemoryStateStore(TOPIC)).log
    assert traces_for(Config(), None, log) is NO_TRACES  # type: ignore[arg-type]


def test_a_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk", None)
    log = memory_pipeline([], MemoryStateStore(TOPIC)).log
    with pytest.raises(Fatal, match=r"pip install 'keywatch\[otel\]'"):
        traces_for(Config(traces=TracesConfig(enabled=True)), None, log)  # type: ignore[arg-type]
