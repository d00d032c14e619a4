"""``keywatch backfill``: baselines from history, on real Redis and Apache Kafka."""

from __future__ import annotations

import io
import json
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import redis
from typer.testing import CliRunner

from domain.profile import PROFILE_DTYPE
from monitor.checkpoint.redis import RedisStateStore
from monitor.cli import app
from monitor.config import load
from monitor.connect import connect_redis
from monitor.logs import Log
from monitor.pipeline import Pipeline
from monitor.placement import by_murmur2
from monitor.wiring import CLOCK, pipeline_for
from sample_streams import GEO
from tests.faults.stored import offsets, stored
from tests.servers import Kafka
from tests.topics import fill, lasting_topic, stretch

pytestmark = [pytest.mark.kafka, pytest.mark.redis]
RUNNER = CliRunner()
HISTORY = stretch("stolen_key_new_country", 41.0, 43.9)
THEFT = stretch("stolen_key_new_country", 43.9, 44.2)
PARTITIONS = 3


def murmur2(key_id: str) -> int:
    return by_murmur2(key_id, PARTITIONS)


@pytest.fixture
def topic(kafka: Kafka) -> str:
    name = lasting_topic(kafka, f"usage-{uuid.uuid4().hex[:8]}", PARTITIONS)
    kafka.create_topic(f"{name}.dead-letter")
    return name


@pytest.fixture
def config_file(tmp_path: Path, kafka: Kafka, topic: str, redis_url: str) -> Path:
    path = tmp_path / "keywatch.yaml"
    settings = {
        "kafka": {"bootstrap": kafka.bootstrap, "topic": topic, "partitions": "all"},
        "redis": {"url": redis_url},
        "geoip": {"databases": [str(GEO)]},
    }
    path.write_text(json.dumps(settings))
    return path


@pytest.fixture
def history_file(tmp_path: Path) -> Path:
    path = tmp_path / "history.jsonl"
    path.write_bytes(b"\n".join(HISTORY))
    return path


@pytest.fixture
def client(redis_url: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(redis_url) as found:
        yield found


@pytest.fixture
def daemon(config_file: Path) -> Iterator[Callable[[], Pipeline]]:
    """Starts consumers as the daemon has them, and ends them."""
    config = load(config_file, {})
    running: list[Pipeline] = []

    def start() -> Pipeline:
        pipeline = pipeline_for(config, connect_redis(config.redis.url), Log(CLOCK, "error", io.StringIO()))
        running.append(pipeline)
        return pipeline

    yield start
    for pipeline in running:
        pipeline.source.close()
        pipeline.dead_letters.close()


def to_the_end(pipeline: Pipeline, topic: str) -> None:
    ends = {p: end for p, end in pipeline.source.end_offsets(range(PARTITIONS)).items() if end}
    while {p: part.offset for p, part in pipeline.parts.items() if p in ends} != ends:
        pipeline.run_once(0.1)
    pipeline.commit()


def backfill(config_file: Path, *arguments: object) -> Any:
    done = RUNNER.invoke(app, ["backfill", *map(str, arguments), "-c", str(config_file), "--json"])
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def without_findings(state: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in state.items() if not name.endswith("findings")}


def findings(state: dict[str, Any]) -> int:
    return sum(len(state[f"{p} findings"]) for p in range(PARTITIONS))


def learned(client: redis.Redis, topic: str) -> dict[tuple[int, str], int]:
    """(partition, key id) -> requests that its profile has learned."""
    store = RedisStateStore(client, topic)
    rows: dict[tuple[int, str], int] = {}
    for number in range(PARTITIONS):
        profiles: Any = client.hgetall(store.key(number, "profiles"))
        for key_id, raw in profiles.items():
            rows[number, key_id.decode()] = int(np.frombuffer(raw, PROFILE_DTYPE)["learned"][0])
    return rows


def test_a_topic_leaves_what_a_daemon_would_but_no_finding(
    kafka: Kafka, topic: str, config_file: Path, client: redis.Redis, daemon: Callable[[], Pipeline]
) -> None:
    fill(kafka, topic, HISTORY + THEFT, murmur2)
    to_the_end(daemon(), topic)
    by_daemon = stored(client, topic, PARTITIONS)
    assert findings(by_daemon) > 0
    client.flushall()

    told = backfill(config_file, "--kafka")
    state = stored(client, topic, PARTITIONS)
    assert without_findings(state) == without_findings(by_daemon)
    assert findings(state) == 0
    assert sum(told["findings_not_sent"].values()) == findings(by_daemon)
    assert told["events"] == len(HISTORY + THEFT)


def test_the_daemon_goes_on_where_the_topic_was_left_and_knows_the_key(
    kafka: Kafka, topic: str, config_file: Path, client: redis.Redis, daemon: Callable[[], Pipeline]
) -> None:
    fill(kafka, topic, HISTORY, murmur2)
    told = backfill(config_file, "--kafka")
    assert offsets(client, topic, PARTITIONS) == [told["offsets"][str(p)] for p in range(PARTITIONS)]
    assert sum(told["offsets"].values()) == len(HISTORY)
    fill(kafka, topic, THEFT, murmur2)
    pipeline = daemon()
    to_the_end(pipeline, topic)
    assert pipeline.stats.events == len(THEFT)
    assert pipeline.stats.findings > 0


@pytest.mark.parametrize("producer", ["kafka-python", "confluent"])
def test_a_file_lands_where_the_producer_puts_its_keys_and_counts_once(
    producer: str,
    kafka: Kafka,
    topic: str,
    config_file: Path,
    history_file: Path,
    client: redis.Redis,
    daemon: Callable[[], Pipeline],
) -> None:
    where = produced(producer, kafka, topic, HISTORY)
    told = backfill(config_file, history_file)
    assert ("murmur2" if producer == "kafka-python" else "crc32") in told["placed"]
    before = learned(client, topic)
    assert {key_id: number for number, key_id in before} == where
    assert sum(before.values()) > 0
    assert offsets(client, topic, PARTITIONS) == [-1] * PARTITIONS

    to_the_end(daemon(), topic)
    assert learned(client, topic) == before, "the same history comes again from the topic"
    assert findings(stored(client, topic, PARTITIONS)) == 0


def produced(producer: str, kafka: Kafka, topic: str, lines: list[bytes]) -> dict[str, int]:
    """Written with the producer's own partitioner; key id -> partition as the broker says."""
    where: dict[str, int] = {}
    events = [(json.loads(line), line) for line in lines]
    if producer == "kafka-python":
        from kafka import KafkaProducer

        sender = KafkaProducer(bootstrap_servers=kafka.bootstrap, linger_ms=20)
        sent = {
            event["key_id"]: sender.send(
                topic, key=event["key_id"].encode(), value=line, timestamp_ms=event["ts"]
            )
            for event, line in events
        }
        sender.flush()
        sender.close()
        return {key_id: future.get().partition for key_id, future in sent.items()}
    other = pytest.importorskip("confluent_kafka").Producer({"bootstrap.servers": kafka.bootstrap})
    for event, line in events:
        other.produce(
            topic,
            key=event["key_id"],
            value=line,
            timestamp=event["ts"],
            on_delivery=lambda _, message: where.setdefault(message.key().decode(), message.partition()),
        )
    other.flush()
    return where


def test_a_daemon_that_waits_beside_it_takes_the_baseline_up(
    kafka: Kafka,
    topic: str,
    config_file: Path,
    history_file: Path,
    client: redis.Redis,
    daemon: Callable[[], Pipeline],
) -> None:
    pipeline = daemon()
    while len(pipeline.parts) < PARTITIONS:
        pipeline.run_once(0.1)
    backfill(config_file, history_file)
    fill(kafka, topic, THEFT, murmur2)
    to_the_end(pipeline, topic)
    while pipeline.stats.events < 2 * len(THEFT):  # fenced once, so read again
        pipeline.run_once(0.1)
    pipeline.commit()
    rows = learned(client, topic)
    assert rows[murmur2("key_victim"), "key_victim"] > 500
    assert findings(stored(client, topic, PARTITIONS)) > 0


def test_a_baseline_is_never_written_over(
    config_file: Path, history_file: Path, client: redis.Redis, topic: str
) -> None:
    first = RUNNER.invoke(app, ["backfill", str(history_file), "-c", str(config_file)])
    assert first.exit_code == 0
    assert f"learned {len(HISTORY):,} events" in first.output
    assert "assumed, as the topic is empty" in first.output
    assert "sent to nobody" in first.output
    before = stored(client, topic, PARTITIONS)
    given = ["--partitions", "3", "--partitioner", "murmur2"]
    again = RUNNER.invoke(app, ["backfill", str(history_file), *given, "-c", str(config_file)])
    assert again.exit_code == 1
    assert "has a baseline already" in again.output
    assert f"{topic}:0" in again.output
    assert stored(client, topic, PARTITIONS) == before


def test_keys_that_are_not_placed_by_their_id_are_refused(
    kafka: Kafka, topic: str, config_file: Path, history_file: Path, client: redis.Redis
) -> None:
    fill(kafka, topic, HISTORY[:300], lambda key_id: (murmur2(key_id) + 1) % PARTITIONS)
    done = RUNNER.invoke(app, ["backfill", str(history_file), "-c", str(config_file)])
    assert done.exit_code == 1
    assert "--kafka" in done.output
    assert not client.keys("kw:*")
