"""One suite for every source: the double in memory, kafka-python and confluent-kafka on Apache Kafka."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import Any, Protocol

import pytest

from domain.errors import Fatal, Reason, Transient
from domain.secret import Secret
from monitor.source.base import DeadLetter, Headers, Polled, Source
from monitor.source.memory import MemorySource, MemoryTopic
from monitor.source.settings import KafkaSettings

DEADLINE_S = 30.0


class Broker(Protocol):
    """Some place with topics: in memory, or Apache Kafka behind one of the clients."""

    def create(self, partitions: int) -> str: ...
    def append(
        self, topic: str, partition: int, value: bytes | None, key: bytes | None = None, headers: Headers = ()
    ) -> None: ...
    def hole(self, topic: str, partition: int) -> None: ...
    def trim(self, topic: str, partition: int, before: int) -> None: ...
    def open(self, topic: str, **settings: Any) -> Source: ...
    def close(self) -> None: ...


class InMemory:
    def __init__(self) -> None:
        self.topics: dict[str, MemoryTopic] = {}

    def create(self, partitions: int) -> str:
        name = f"usage-{len(self.topics)}"
        self.topics[name] = MemoryTopic(name, partitions)
        return name

    def append(
        self, topic: str, partition: int, value: bytes | None, key: bytes | None = None, headers: Headers = ()
    ) -> None:
        self.topics[topic].append(partition, value, key, headers)

    def hole(self, topic: str, partition: int) -> None:
        self.topics[topic].skip(partition, 1)

    def trim(self, topic: str, partition: int, before: int) -> None:
        self.topics[topic].trim(partition, before)

    def open(self, topic: str, **settings: Any) -> Source:
        return MemorySource(self.topics[topic], poll_records=settings.get("poll_records", 20_000))

    def close(self) -> None:
        self.topics.clear()


class OnKafka:
    def __init__(self, kafka: Any, connect: Callable[[KafkaSettings], Source]) -> None:
        from kafka import KafkaProducer

        self.kafka, self.connect = kafka, connect
        self.bootstrap: str = kafka.bootstrap
        self.producer = KafkaProducer(bootstrap_servers=self.bootstrap, linger_ms=5)
        self.sources: list[Source] = []

    def create(self, partitions: int) -> str:
        name = f"usage-{uuid.uuid4().hex}"
        self.kafka.create_topic(name, partitions)
        return name

    def append(
        self, topic: str, partition: int, value: bytes | None, key: bytes | None = None, headers: Headers = ()
    ) -> None:
        self.producer.send(topic, value=value, key=key, partition=partition, headers=list(headers))

    def hole(self, topic: str, partition: int) -> None:
        """The marker of a committed transaction takes an offset and gives no record.

        The commit is answered before the marker is written, so wait for the log to end after it.
        """
        from kafka import KafkaConsumer, KafkaProducer, TopicPartition

        self.producer.flush()
        at = TopicPartition(topic, partition)
        consumer = KafkaConsumer(bootstrap_servers=self.bootstrap)
        before = consumer.end_offsets([at])[at]
        writer = KafkaProducer(bootstrap_servers=self.bootstrap, transactional_id=uuid.uuid4().hex)
        writer.init_transactions()
        writer.begin_transaction()
        writer.send(topic, value=b"in a transaction", partition=partition)
        writer.commit_transaction()
        writer.close()
        deadline = time.monotonic() + DEADLINE_S
        while consumer.end_offsets([at])[at] < before + 2:
            assert time.monotonic() < deadline, "the transaction's marker was not written"
        consumer.close()

    def trim(self, topic: str, partition: int, before: int) -> None:
        from kafka import TopicPartition
        from kafka.admin import KafkaAdminClient

        self.producer.flush()
        admin = KafkaAdminClient(bootstrap_servers=self.bootstrap)
        admin.delete_records({TopicPartition(topic, partition): before})
        admin.close()

    def delete(self, topic: str) -> None:
        from kafka.admin import KafkaAdminClient

        admin = KafkaAdminClient(bootstrap_servers=self.bootstrap)
        admin.delete_topics([topic])
        admin.close()

    def open(self, topic: str, **settings: Any) -> Source:
        self.producer.flush()
        source = self.connect(KafkaSettings(**{"bootstrap": self.bootstrap, "topic": topic} | settings))
        self.sources.append(source)
        return source

    def close(self) -> None:
        for source in self.sources:
            source.close()
        self.producer.close()


def kafka_python(settings: KafkaSettings) -> Source:
    from monitor.source.kafka_python import KafkaPythonSource

    return KafkaPythonSource(settings)


def confluent(settings: KafkaSettings) -> Source:
    from monitor.source.confluent import ConfluentSource

    return ConfluentSource(settings)


CLIENTS = [
    pytest.param(kafka_python, marks=pytest.mark.kafka, id="kafka-python"),
    pytest.param(confluent, marks=pytest.mark.kafka, id="confluent"),
]


@pytest.fixture(params=[pytest.param(None, id="memory"), *CLIENTS])
def broker(request: pytest.FixtureRequest) -> Iterator[Broker]:
    found: Broker = OnKafka(request.getfixturevalue("kafka"), request.param) if request.param else InMemory()
    yield found
    found.close()


@pytest.fixture(params=CLIENTS)
def real(request: pytest.FixtureRequest) -> Iterator[OnKafka]:
    found = OnKafka(request.getfixturevalue("kafka"), request.param)
    yield found
    found.close()


class Reader:
    """Polls as the pipeline does: seeks what is assigned, keeps what came."""

    def __init__(self, source: Source, start: int | None = None) -> None:
        self.source, self.start = source, start
        self.owned: set[int] = set()
        self.offsets: dict[int, list[int]] = {}
        self.values: dict[int, list[bytes | None]] = {}
        self.skipped: dict[int, int] = {}

    def poll(self) -> Polled:
        polled = self.source.poll(0.2)
        self.owned = self.owned - polled.revoked | polled.assigned
        for number in polled.assigned:
            self.source.seek(number, self.start)
        for batch in polled.batches:
            self.offsets.setdefault(batch.partition, []).extend(batch.offsets.tolist())
            self.values.setdefault(batch.partition, []).extend(batch.values)
        self.skipped |= polled.skipped
        return polled

    def until(self, done: Callable[[Reader], bool]) -> Reader:
        poll_until([self], lambda: done(self))
        return self

    def count(self) -> int:
        return sum(map(len, self.offsets.values()))


def poll_until(readers: Sequence[Reader], done: Callable[[], bool]) -> None:
    """Each reader polls in a thread of its own, as each replica does."""
    end = time.monotonic() + DEADLINE_S

    def work(reader: Reader) -> None:
        while not done():
            assert time.monotonic() < end, [(reader.owned, reader.offsets) for reader in readers]
            reader.poll()

    with ThreadPoolExecutor(len(readers)) as threads:
        for finished in as_completed([threads.submit(work, reader) for reader in readers]):
            finished.result()


def fill(broker: Broker, topic: str, partition: int, count: int) -> None:
    for number in range(count):
        broker.append(topic, partition, b"%d" % number)


# -- the contract ------------------------------------------------------------------------------------


def test_nothing_flows_before_the_seek(broker: Broker) -> None:
    topic = broker.create(1)
    fill(broker, topic, 0, 3)
    source = broker.open(topic)
    polls = [source.poll(0.2) for _ in range(4)]
    assert [set(polled.assigned) for polled in polls if polled.assigned] == [{0}]
    assert [polled.batches for polled in polls if polled.batches] == []
    source.seek(0, 1)
    assert Reader(source).until(lambda r: r.count() == 2).offsets == {0: [1, 2]}


def test_records_come_as_they_were_written(broker: Broker) -> None:
    topic = broker.create(1)
    broker.append(topic, 0, b"\xff\x00", b"key", [("trace", b"1"), ("trace", b"2")])
    broker.append(topic, 0, None, b"gone")
    source = broker.open(topic)
    found = [source.poll(0.2)]
    source.seek(0, None)
    while not found[-1].batches:
        found.append(source.poll(0.2))
    (batch,) = found[-1].batches
    assert (batch.partition, batch.offsets.tolist(), batch.next_offset) == (0, [0, 1], 2)
    assert (batch.values, batch.keys) == ([b"\xff\x00", None], [b"key", b"gone"])
    assert [list(headers) for headers in batch.headers] == [[("trace", b"1"), ("trace", b"2")], []]
    assert list(batch.headers[0]) == [("trace", b"1"), ("trace", b"2")]


@pytest.mark.parametrize(("start", "first"), [(None, 0), (0, 0), (4, 4)])
def test_reading_begins_where_it_was_told(broker: Broker, start: int | None, first: int) -> None:
    topic = broker.create(2)
    for partition in (0, 1):
        fill(broker, topic, partition, 6)
    reader = Reader(broker.open(topic), start).until(lambda r: r.count() >= 2 * (6 - first))
    assert reader.offsets == {0: list(range(first, 6)), 1: list(range(first, 6))}


def test_a_rewind_while_records_flow_brings_nothing_from_further_on(broker: Broker) -> None:
    topic = broker.create(1)
    fill(broker, topic, 0, 3_000)
    source = broker.open(topic, poll_records=500)
    for turn in range(4):
        Reader(source).until(lambda r: r.count() >= 900 or source.lag() == {0: 0})
        source.seek(0, 10 + turn)
        again = Reader(source).until(lambda r: r.count() > 0)
        assert again.offsets[0][:3] == [10 + turn, 11 + turn, 12 + turn]


def test_offsets_with_holes_keep_their_numbers(broker: Broker) -> None:
    topic = broker.create(1)
    fill(broker, topic, 0, 2)
    broker.hole(topic, 0)
    for value in (b"2", b"3"):
        broker.append(topic, 0, value)
    reader = Reader(broker.open(topic)).until(lambda r: r.values.get(0, [])[-2:] == [b"2", b"3"])
    offsets = reader.offsets[0]
    assert offsets == sorted(set(offsets))
    assert offsets[-1] - offsets[0] + 1 > len(offsets)


def test_an_offset_no_longer_kept_goes_on_at_the_earliest_and_says_so(broker: Broker) -> None:
    topic = broker.create(1)
    fill(broker, topic, 0, 5)
    broker.trim(topic, 0, 3)
    reader = Reader(broker.open(topic), 1).until(lambda r: r.count() == 2)
    assert reader.offsets == {0: [3, 4]}
    assert reader.skipped == {0: 2}


def test_an_offset_beyond_the_end_goes_back_to_the_earliest_and_says_so(broker: Broker) -> None:
    topic = broker.create(1)
    fill(broker, topic, 0, 2)
    reader = Reader(broker.open(topic), 900).until(lambda r: r.count() == 2)
    assert reader.skipped == {0: -900}


def test_a_partition_that_is_not_ours_cannot_be_sought(broker: Broker) -> None:
    topic = broker.create(1)
    fill(broker, topic, 0, 1)
    source = broker.open(topic)
    source.seek(7, 0)
    assert Reader(source).until(lambda r: source.lag() == {0: 0}).offsets == {0: [0]}


def test_the_end_and_the_lag_are_told(broker: Broker) -> None:
    topic = broker.create(2)
    fill(broker, topic, 0, 5)
    source = broker.open(topic, poll_records=2)
    reader = Reader(source).until(lambda r: r.count() >= 2)
    assert source.end_offsets([0, 1]) == {0: 5, 1: 0}
    assert source.lag()[0] == 5 - reader.count()


def test_what_is_committed_for_lag_tooling_moves_no_position(broker: Broker) -> None:
    topic = broker.create(1)
    fill(broker, topic, 0, 3)
    group = uuid.uuid4().hex
    source = broker.open(topic, group=group)
    Reader(source).until(lambda r: r.count() == 3)
    source.commit({0: 3})
    source.commit({})
    source.close()
    again = Reader(broker.open(topic, group=group), 1).until(lambda r: r.count() == 2)
    assert again.offsets == {0: [1, 2]}


def test_closing_twice_is_fine(broker: Broker) -> None:
    source = broker.open(broker.create(1))
    source.close()
    source.close()


def test_a_poll_returns_as_soon_as_there_is_something(broker: Broker) -> None:
    topic = broker.create(1)
    fill(broker, topic, 0, 3)
    source = broker.open(topic)
    source.poll(0.2)
    source.seek(0, None)
    began = time.monotonic()
    while not source.poll(20.0).batches:
        pass
    assert time.monotonic() - began < 10.0


# -- groups ------------------------------------------------------------------------------------------


def test_two_members_share_the_partitions_and_one_takes_over_when_the_other_leaves(real: OnKafka) -> None:
    topic, group = real.create(4), uuid.uuid4().hex
    first = Reader(real.open(topic, group=group)).until(lambda r: len(r.owned) == 4)
    second = Reader(real.open(topic, group=group))
    poll_until([first, second], lambda: len(first.owned) == len(second.owned) == 2)
    assert first.owned | second.owned == {0, 1, 2, 3}
    for partition in range(4):
        fill(real, topic, partition, 2)
    poll_until([first, second], lambda: first.count() + second.count() == 8)
    assert (set(first.offsets), set(second.offsets)) == (first.owned, second.owned)
    second.source.close()
    assert first.until(lambda r: len(r.owned) == 4).owned == {0, 1, 2, 3}


def test_members_without_a_group_read_every_partition(real: OnKafka) -> None:
    topic = real.create(3)
    readers = [Reader(real.open(topic)), Reader(real.open(topic))]
    poll_until(readers, lambda: all(reader.owned == {0, 1, 2} for reader in readers))


def test_a_second_replica_with_the_same_name_stops_the_first(real: OnKafka) -> None:
    topic, group = real.create(1), uuid.uuid4().hex
    first = Reader(real.open(topic, group=group, instance_id="pod-0")).until(lambda r: r.owned == {0})
    second = Reader(real.open(topic, group=group, instance_id="pod-0"))
    poll_until([second], lambda: second.owned == {0})

    def first_works_on() -> bool:
        first.source.commit({0: 0})
        return False

    with pytest.raises(Fatal, match=r"kafka\.instance_id.*'pod-0'"):
        poll_until([first], first_works_on)


# -- what can be wrong at the start ------------------------------------------------------------------


@pytest.mark.parametrize("group", [None, "g"])
def test_a_topic_that_is_missing_is_named(real: OnKafka, group: str | None) -> None:
    missing = f"missing-{uuid.uuid4().hex}"
    with pytest.raises(Fatal, match=rf"kafka\.topic: '{missing}' does not exist") as caught:
        real.open(missing, group=group)
    assert caught.value.reason is Reason.CONFIG


def test_a_broker_that_does_not_answer_is_named(real: OnKafka) -> None:
    with pytest.raises(Fatal, match=r"kafka\.bootstrap: no broker answers at 127\.0\.0\.1:1 ") as caught:
        real.open("usage", bootstrap="127.0.0.1:1", connect_timeout_s=1.0)
    assert caught.value.reason is Reason.UNREACHABLE


def test_a_security_option_the_client_does_not_know_is_named_without_its_value(real: OnKafka) -> None:
    with pytest.raises(Fatal, match=r"kafka\.security.*sasl_nonsense") as caught:
        real.open("usage", security={"sasl_nonsense": Secret("hunter2")})
    assert "hunter2" not in str(caught.value)


# -- dead letters ------------------------------------------------------------------------------------


def letter(value: bytes | None, key: bytes | None = b"k", headers: Headers = ()) -> DeadLetter:
    return DeadLetter("usage", 3, 42, key, value, headers, "not_json", "line 1", "decode")


@pytest.fixture
def python_broker(kafka: Any) -> Iterator[OnKafka]:
    found = OnKafka(kafka, kafka_python)
    yield found
    found.close()


@pytest.mark.kafka
def test_a_dead_letter_is_the_record_and_why(python_broker: OnKafka) -> None:
    from monitor.source.dead_letter import KafkaDeadLetters

    topic = python_broker.create(1)
    letters = KafkaDeadLetters(KafkaSettings(python_broker.bootstrap, topic))
    letters.send(letter(b"\xff\x00", headers=[("trace", b"1"), ("none", None)]))
    letters.send(letter(None, key=None))
    letters.flush()
    letters.close()
    source = python_broker.open(topic)
    batches = [source.poll(0.2).batches]
    source.seek(0, None)
    while not batches[-1]:
        batches.append(source.poll(0.2).batches)
    (batch,) = batches[-1]
    assert (batch.values, batch.keys) == ([b"\xff\x00", b""], [b"k", None])
    assert list(batch.headers[0])[:2] == [("trace", b"1"), ("none", b"")]
    assert dict(batch.headers[0])["__keywatch.errors.offset"] == b"42"
    assert dict(batch.headers[1])["__keywatch.errors.exception"] == b"not_json"


@pytest.mark.kafka
def test_a_letter_too_large_for_its_topic_is_cut_rather_than_lost(python_broker: OnKafka) -> None:
    from monitor.source.dead_letter import KafkaDeadLetters

    topic = python_broker.create(1)
    letters = KafkaDeadLetters(KafkaSettings(python_broker.bootstrap, topic, connect_timeout_s=5.0))
    noise = b"".join(uuid.uuid4().bytes for _ in range(2 << 16))
    for value in (noise, b"small"):
        letters.send(letter(value))
    letters.flush()
    letters.close()
    reader = Reader(python_broker.open(topic)).until(lambda r: r.count() == 2)
    assert {len(value or b"") for value in reader.values[0]} == {65_536, 5}


@pytest.mark.kafka
def test_a_dead_letter_topic_that_cannot_be_is_found_at_the_start(python_broker: OnKafka) -> None:
    from monitor.source.dead_letter import KafkaDeadLetters

    with pytest.raises(Fatal, match=r"kafka\.dead_letter_topic: 'not a topic'"):
        KafkaDeadLetters(KafkaSettings(python_broker.bootstrap, "not a topic", connect_timeout_s=1.0))


@pytest.mark.kafka
def test_letters_that_cannot_be_written_hold_the_consumer_and_are_kept(python_broker: OnKafka) -> None:
    from monitor.source.dead_letter import KafkaDeadLetters

    topic = python_broker.create(1)
    letters = KafkaDeadLetters(KafkaSettings(python_broker.bootstrap, topic, connect_timeout_s=1.0))
    python_broker.delete(topic)
    letters.send(letter(b"kept"))
    for _ in range(2):
        with pytest.raises(Transient, match="1 records could not be written"):
            letters.flush()
    python_broker.kafka.create_topic(topic, 1)
    letters.send(letter(b"later"))
    letters.flush()
    letters.close()
    reader = Reader(python_broker.open(topic)).until(lambda r: r.count() >= 2)
    assert set(reader.values[0]) == {b"kept", b"later"}
