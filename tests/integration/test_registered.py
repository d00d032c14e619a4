"""Avro and Protobuf from real producers, through Apache Kafka, into the pipeline."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Producer
from confluent_kafka.schema_registry import SchemaRegistryClient, header_schema_id_serializer
from confluent_kafka.schema_registry.avro import AvroSerializer
from confluent_kafka.schema_registry.protobuf import ProtobufSerializer
from confluent_kafka.serialization import MessageField, SerializationContext

from domain.clock import ManualClock
from monitor.checkpoint.memory import MemoryStateStore
from monitor.config import Config, KafkaConfig, RegistryConfig
from monitor.decode.base import Limits
from monitor.logs import Log
from monitor.pipeline import Pipeline
from monitor.source.dead_letter import NullDeadLetters
from monitor.wiring import engine_for, enricher_for, source_for
from monitor.wiring_formats import decoder_of
from tests.apicurio import apicurio
from tests.registry_server import Registry, registry_server
from tests.schemas import AVRO, EVENT, schema_text, usage_message
from tests.servers import Kafka

COUNT = 20
pytestmark = pytest.mark.kafka


@pytest.fixture
def registry() -> Iterator[Registry]:
    with registry_server() as running:
        yield running


@pytest.fixture(scope="module")
def real_registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with apicurio(tmp_path_factory.mktemp("apicurio")) as url:
        yield url


def produce(kafka: Kafka, wire_format: str, url: str, in_headers: bool = False) -> str:
    """A topic with events and one record that nobody can read."""
    topic = kafka.create_topic(f"usage-{uuid.uuid4().hex[:8]}")
    with SchemaRegistryClient({"url": url}) as client:
        conf: dict[str, Any] = {"auto.register.schemas": True}
        if in_headers:
            conf["schema.id.serializer"] = header_schema_id_serializer
        if wire_format == "avro":
            serializer: Any = AvroSerializer(client, schema_text(AVRO), conf=conf)
            events: list[Any] = [{**EVENT, "ts": EVENT["ts"] + n} for n in range(COUNT)]
        else:
            events = [usage_message({**EVENT, "ts": EVENT["ts"] + n}) for n in range(COUNT)]
            serializer = ProtobufSerializer(type(events[0]), client, conf)
        producer = Producer({"bootstrap.servers": kafka.bootstrap})
        for event in events:
            context = SerializationContext(topic, MessageField.VALUE, [])
            value = serializer(event, context)
            producer.produce(topic, value, headers=context.headers)
        producer.produce(topic, b"\0\0\0\0")
        producer.flush()
    return topic


def pipeline(kafka: Kafka, topic: str, wire_format: str, url: str, client: Any, schema_id: Any) -> Pipeline:
    config = Config(
        kafka=KafkaConfig(
            bootstrap=kafka.bootstrap, topic=topic, partitions="all", client=client, format=wire_format
        ),
        registry=RegistryConfig(url=url, schema_id=schema_id),
    )
    clock = ManualClock()
    return Pipeline(
        source=source_for(config),
        decoder=decoder_of(config, wire_format, Limits()),
        enricher=enricher_for(config),
        engine=engine_for(config, topic),
        store=MemoryStateStore(topic),
        dead_letters=NullDeadLetters(),
        clock=clock,
        sleep=clock.advance,
        log=Log(clock, "error"),
        commit_every_s=0.0,
    )


def read_all(line: Pipeline) -> None:
    deadline = time.monotonic() + 30
    while line.stats.events + sum(line.stats.rejected.values()) < COUNT + 1 and time.monotonic() < deadline:
        line.run_once(0.2)
    line.source.close()


def assert_read(line: Pipeline) -> None:
    assert (line.stats.events, line.stats.rejected) == (COUNT, {"not_framed": 1})
    assert line.parts[0].key_ids == [EVENT["key_id"]]


@pytest.mark.parametrize("in_headers", [False, True])
@pytest.mark.parametrize(("wire_format", "client"), [("avro", "kafka-python"), ("protobuf", "confluent")])
def test_what_confluents_own_serializers_write_is_read(
    kafka: Kafka, registry: Registry, wire_format: str, client: str, in_headers: bool
) -> None:
    topic = produce(kafka, wire_format, registry.url, in_headers)
    schema_id = "headers" if in_headers else "value"
    line = pipeline(kafka, topic, wire_format, registry.url, client, schema_id)
    read_all(line)
    assert_read(line)


@pytest.mark.parametrize("wire_format", ["avro", "protobuf"])
def test_a_real_registry_answers_as_we_expect(kafka: Kafka, real_registry: str, wire_format: str) -> None:
    topic = produce(kafka, wire_format, real_registry)
    line = pipeline(kafka, topic, wire_format, real_registry, "kafka-python", "value")
    read_all(line)
    assert_read(line)


def test_a_registry_that_is_away_holds_the_offset(kafka: Kafka, registry: Registry, tmp_path: Path) -> None:
    topic = produce(kafka, "avro", registry.url)
    registry.status = 503
    line = pipeline(kafka, topic, "avro", registry.url, "kafka-python", "value")
    seen: list[tuple[int, int]] = []

    def wait(_: float) -> None:
        seen.append((line.stats.events, line.parts[0].offset))
        if len(seen) == 3:
            registry.status = 200

    line.sleep = wait
    read_all(line)
    assert len(seen) == 3
    assert len(set(seen)) == 1
    assert line.stats.schema_retries == 3
    assert_read(line)
