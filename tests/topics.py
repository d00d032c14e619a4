"""Short recordings, and topics of real Kafka that hold them with event times as record times."""

from __future__ import annotations

import json
from collections.abc import Callable

from sample_streams.model import HOUR_MS, START_MS
from tests.faults.streams import scenario_lines
from tests.servers import Kafka


def stretch(scenario: str, from_h: float, to_h: float) -> list[bytes]:
    """The events of a sample stream between two of its 48 hours."""
    begin, end = START_MS + from_h * HOUR_MS, START_MS + to_h * HOUR_MS
    return [line for line in scenario_lines(scenario) if begin <= json.loads(line)["ts"] < end]


def lasting_topic(kafka: Kafka, name: str, partitions: int) -> str:
    """A topic that keeps records whose time is long past."""
    from kafka.admin import KafkaAdminClient, NewTopic

    admin = KafkaAdminClient(bootstrap_servers=kafka.bootstrap)
    admin.create_topics([NewTopic(name, partitions, 1, topic_configs={"retention.ms": "-1"})])
    admin.close()
    return name


def fill(kafka: Kafka, topic: str, lines: list[bytes], partition_of: Callable[[str], int]) -> None:
    """Write JSON lines with their key id as record key and ``ts`` as timestamp."""
    from kafka import KafkaProducer

    producer = KafkaProducer(bootstrap_servers=kafka.bootstrap, linger_ms=20, batch_size=1 << 18)
    for line in lines:
        event = json.loads(line)
        key_id: str = event["key_id"]
        producer.send(
            topic, key=key_id.encode(), value=line, partition=partition_of(key_id), timestamp_ms=event["ts"]
        )
    producer.flush()
    producer.close()
