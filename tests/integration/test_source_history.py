"""A topic's past as a source that ends, on Apache Kafka."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from domain.errors import Fatal
from monitor.period import BEGINNING, END, Period
from monitor.source.history import DELIVERY_MS, KafkaHistory, stretches
from monitor.source.settings import KafkaSettings
from tests.servers import Kafka
from tests.topics import lasting_topic

pytestmark = [pytest.mark.kafka]
HOUR_MS = 3_600_000
START_MS = 1_780_272_000_000


@pytest.fixture
def topic(kafka: Kafka) -> str:
    return lasting_topic(kafka, f"usage-{uuid.uuid4().hex[:8]}", 2)


def write(kafka: Kafka, topic: str, hours: list[int], partition: int = 0) -> None:
    """A record at each of these hours, its value the hour."""
    from kafka import KafkaProducer

    producer = KafkaProducer(bootstrap_servers=kafka.bootstrap)
    for hour in hours:
        at = START_MS + hour * HOUR_MS
        producer.send(topic, value=b"%d" % hour, partition=partition, timestamp_ms=at)
    producer.flush()
    producer.close()


def history(kafka: Kafka, topic: str, begin: int | None = None, end: int | None = None) -> KafkaHistory:
    """What lies between two hours; a group is set and must not be joined."""
    period = Period(
        BEGINNING if begin is None else START_MS + begin * HOUR_MS,
        END if end is None else START_MS + end * HOUR_MS,
    )
    settings = KafkaSettings(kafka.bootstrap, topic, group="others", poll_records=3)
    return KafkaHistory(settings, stretches(settings, period))


def read(source: KafkaHistory) -> dict[int, list[int]]:
    """The hours of each partition, to the source's end."""
    found: dict[int, list[int]] = {}
    while not source.finished:
        polled = source.poll(0.2)
        for number in polled.assigned:
            source.seek(number, None)
        for batch in polled.batches:
            found.setdefault(batch.partition, []).extend(int(value or b"") for value in batch.values)
    done, total = source.progress()
    assert done == total
    source.close()
    return found


def test_all_that_is_kept_when_no_time_is_given(kafka: Kafka, topic: str) -> None:
    write(kafka, topic, list(range(10)))
    write(kafka, topic, [3, 4], partition=1)
    assert read(history(kafka, topic)) == {0: list(range(10)), 1: [3, 4]}


def test_from_one_time_to_another_and_what_may_have_been_late(kafka: Kafka, topic: str) -> None:
    write(kafka, topic, list(range(10)))
    assert HOUR_MS > DELIVERY_MS
    assert read(history(kafka, topic, 3, 6)) == {0: [3, 4, 5, 6]}


def test_nothing_to_read_ends_at_once(kafka: Kafka, topic: str) -> None:
    write(kafka, topic, [1, 2])
    assert history(kafka, topic, 5).finished
    assert history(kafka, topic, end=0).finished


def test_what_is_written_meanwhile_is_not_waited_for(kafka: Kafka, topic: str) -> None:
    write(kafka, topic, [1, 2])
    source = history(kafka, topic)
    write(kafka, topic, [3, 4])
    assert read(source) == {0: [1, 2]}


def test_a_transaction_marker_at_the_end_is_no_record_to_wait_for(kafka: Kafka, topic: str) -> None:
    producer: Any = pytest.importorskip("confluent_kafka").Producer(
        {"bootstrap.servers": kafka.bootstrap, "transactional.id": topic, "log_level": 0}
    )
    producer.init_transactions()
    producer.begin_transaction()
    producer.produce(topic, b"7", partition=0)
    producer.commit_transaction()
    source = history(kafka, topic)
    assert source.stretches[0].stop == 2
    assert read(source) == {0: [7]}


def test_a_topic_that_is_not_there_is_named(kafka: Kafka) -> None:
    with pytest.raises(Fatal, match=r"kafka\.topic"):
        history(kafka, "no-such-topic")
