"""Releases of different schemas on the same state: up, side by side, and back, on real Kafka and Redis."""

from __future__ import annotations

import io
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import redis

from domain.profile import PROFILE_DTYPE, SCHEMA_VERSION, WINDOW_DTYPE
from monitor.baseline.migrate import row_of
from monitor.checkpoint.redis import RedisStateStore
from monitor.config import Config, KafkaConfig, RedisConfig
from monitor.connect import connect_redis
from monitor.logs import Log
from monitor.pipeline import HELD_BACK_S, Pipeline
from monitor.wiring import CLOCK, pipeline_for
from tests.faults.migration import config
from tests.faults.stored import offsets, stored
from tests.faults.streams import PARTITIONS, Topic, appended, empty
from tests.processes import KEYWATCH
from tests.servers import Kafka
from tests.topics import stretch

pytestmark = [pytest.mark.kafka, pytest.mark.redis]

LINES = stretch("stolen_key_new_country", 42.0, 45.0)
FIRST, SECOND, THIRD = (LINES[len(LINES) * i // 3 : len(LINES) * (i + 1) // 3] for i in range(3))
NEXT = [sys.executable, "-m", "tests.faults.next_release"]
BEFORE_SCHEMA_2 = "4c6bfd1^"
"""The last commit whose release writes schema 1."""


@pytest.fixture
def client(redis_url: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(redis_url) as found:
        yield found


def rows(client: redis.Redis, topic: Topic) -> list[bytes]:
    store = RedisStateStore(client, topic.name)
    return [raw for part in range(PARTITIONS) for _, raw in store.profiles_named(part, "*")]


OF_NEXT = np.dtype([*PROFILE_DTYPE.descr, ("of_the_next", "<f4")])


def _events(raw: bytes) -> int:
    if len(raw) == OF_NEXT.itemsize:
        return int(np.frombuffer(raw, OF_NEXT)["events"][0])
    return int(row_of(raw, PROFILE_DTYPE)["events"])


def counted(client: redis.Redis, topic: Topic) -> int:
    """Requests in profiles of any release, and in windows that are open."""
    closed = sum(_events(raw) for raw in rows(client, topic))
    store = RedisStateStore(client, topic.name)
    windows: list[Any] = [
        raw for part in range(PARTITIONS) for raw in client.hvals(store.key(part, "windows"))
    ]
    return closed + sum(int(row_of(raw, WINDOW_DTYPE)["count"]) for raw in windows)


def schemas(client: redis.Redis, topic: Topic) -> set[int]:
    return {int.from_bytes(raw[:2], "little") for raw in rows(client, topic)}


def back_to(version: int, release: list[str], redis_url: str, topic: Topic, tmp_path: Path) -> None:
    """``keywatch migrate schema`` of a release."""
    path = config(tmp_path / "keywatch.yaml", redis_url, topic.name, topic.kafka.bootstrap)
    command = [*release, "migrate", "schema", "--to", str(version), "--apply", "-c", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=180)
    assert done.returncode == 0, done.stderr
    assert f"schema {version}: " in done.stdout


def test_up_to_the_next_schema_and_back_leaves_what_one_release_alone_leaves(
    kafka: Kafka, redis_url: str, client: redis.Redis, tmp_path: Path
) -> None:
    whole = appended(empty(kafka), LINES)
    whole.run(redis_url)
    alone = stored(client, whole.name, PARTITIONS)

    topic = appended(empty(kafka), FIRST)
    topic.run(redis_url)
    topic = appended(topic, SECOND)
    topic.run(redis_url, "next")
    assert SCHEMA_VERSION + 1 in schemas(client, topic)
    back_to(SCHEMA_VERSION, NEXT, redis_url, topic, tmp_path)
    assert schemas(client, topic) == {SCHEMA_VERSION}
    topic = appended(topic, THIRD)
    topic.run(redis_url)
    again = stored(client, topic.name, PARTITIONS)
    for part in range(PARTITIONS):
        for name in ("meta", "profiles", "windows", "samples"):
            assert again[f"{part} {name}"] == alone[f"{part} {name}"], (part, name)


@pytest.fixture
def newer(kafka: Kafka, redis_url: str) -> Topic:
    """A topic that the next release has read, and events after it."""
    topic = appended(empty(kafka), FIRST)
    topic.run(redis_url, "next")
    return appended(topic, SECOND)


def pipeline(topic: Topic, redis_url: str, log: io.StringIO, clock: Any = CLOCK) -> Pipeline:
    kafka = KafkaConfig(bootstrap=topic.kafka.bootstrap, topic=topic.name, partitions="all")
    settings = Config(kafka=kafka, redis=RedisConfig(url=redis_url))
    made = pipeline_for(settings, connect_redis(redis_url), Log(CLOCK, "error", log))
    made.clock = clock
    return made


class Ahead:
    """The machine's clock, and time that is skipped."""

    skipped = 0.0

    def now(self) -> float:
        return CLOCK.now() + self.skipped

    def monotonic(self) -> float:
        return CLOCK.monotonic() + self.skipped


def test_this_release_leaves_partitions_of_the_next_alone_until_they_are_written_back(
    newer: Topic, redis_url: str, client: redis.Redis, tmp_path: Path
) -> None:
    before = {name: client.hgetall(name) for name in client.keys("kw:*:meta")}
    log, clock = io.StringIO(), Ahead()
    older = pipeline(newer, redis_url, log, clock)
    while not older.stats.held_back:
        older.run_once(0.1)
    for _ in range(5):
        older.run_once(0.05)
    older.commit()
    assert (older.stats.events, older.parts, set(older.stats.held_back)) == (0, {}, set(range(PARTITIONS)))
    assert {name: client.hgetall(name) for name in client.keys("kw:*:meta")} == before, "nor is it fenced off"
    assert log.getvalue().count("partition_held_back") == PARTITIONS
    assert f"keywatch migrate schema --to {SCHEMA_VERSION}" in log.getvalue()

    back_to(SCHEMA_VERSION, NEXT, redis_url, newer, tmp_path)
    clock.skipped = HELD_BACK_S
    while offsets(client, newer.name, PARTITIONS) != newer.ends:
        older.run_once(0.1)
        clock.skipped += 1
    older.stop()
    older.run()
    older.dead_letters.close()
    assert counted(client, newer) == len(FIRST + SECOND)


def test_both_releases_in_one_group_killed_half_way_count_all_once(
    kafka: Kafka, redis_url: str, client: redis.Redis
) -> None:
    """A rolling upgrade: the older one reads all, the newer one joins and is given a partition."""
    topic = appended(empty(kafka), FIRST + SECOND)
    ask: dict[str, Any] = {"partitions": "group", "pace_s": 0.2, "poll_records": 20}
    with topic.start(redis_url, **ask) as older:
        # were the newer one first, the older one would hold back what it is given
        while not schemas(client, topic):
            assert older.poll() is None
        with topic.start(redis_url, "next", **ask) as newer:
            while schemas(client, topic) != {SCHEMA_VERSION, SCHEMA_VERSION + 1}:
                assert (older.poll(), newer.poll()) == (None, None)
            for process in (older, newer):
                process.kill()
    assert offsets(client, topic.name, PARTITIONS) != topic.ends
    topic.run(redis_url, "next")
    assert counted(client, topic) == len(FIRST + SECOND)


@pytest.fixture(scope="module")
def schema_1(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The source tree of the last release of schema 1."""
    tree = tmp_path_factory.mktemp("schema-1")
    archive = subprocess.run(["git", "archive", BEFORE_SCHEMA_2], capture_output=True, check=False)
    if archive.returncode:
        pytest.skip(f"the history here does not reach back to {BEFORE_SCHEMA_2}")
    subprocess.run(["tar", "x", "-C", str(tree)], input=archive.stdout, check=True)
    return str(tree)


def test_from_the_release_of_schema_1_and_back_to_it(
    schema_1: str, kafka: Kafka, redis_url: str, client: redis.Redis, tmp_path: Path
) -> None:
    topic = appended(empty(kafka), FIRST)
    topic.run(redis_url, schema_1)
    assert schemas(client, topic) == {1}
    topic = appended(topic, SECOND)
    topic.run(redis_url)
    assert SCHEMA_VERSION in schemas(client, topic)
    assert counted(client, topic) == len(FIRST + SECOND)
    back_to(1, KEYWATCH, redis_url, topic, tmp_path)
    assert schemas(client, topic) == {1}
    topic = appended(topic, THIRD)
    topic.run(redis_url, schema_1)
    assert schemas(client, topic) == {1}
    assert counted(client, topic) == len(LINES)
