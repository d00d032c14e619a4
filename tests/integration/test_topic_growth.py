"""A topic of real Kafka is given more partitions while a daemon knows its keys."""

from __future__ import annotations

import io
import json
import uuid
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from domain.profile import PROFILE_DTYPE, WINDOW_DTYPE
from monitor.baseline.migrate import row_of
from monitor.checkpoint.redis import RedisStateStore
from monitor.cli import app
from monitor.config import load
from monitor.connect import connect_redis
from monitor.logs import Log
from monitor.pipeline import Pipeline
from monitor.placement import by_crc32, by_murmur2
from monitor.wiring import CLOCK, pipeline_for
from sample_streams import GEO
from tests.servers import Kafka
from tests.topics import fill, lasting_topic, stretch

pytestmark = [pytest.mark.kafka, pytest.mark.redis]

HISTORY = stretch("stolen_key_new_country", 41.0, 43.9)
THEFT = stretch("stolen_key_new_country", 43.9, 44.2)
KEYS = {json.loads(line)["key_id"] for line in HISTORY}
BEFORE, AFTER = 2, 5
PLACES = {"murmur2": by_murmur2, "crc32": by_crc32}


class Daemon:
    """A consumer of this process, begun anew for every stretch."""

    def __init__(self, path: Path, topic: str) -> None:
        self.log = io.StringIO()
        self.config = load(path, {})
        self.store = RedisStateStore(connect_redis(self.config.redis.url), topic)

    def start(self) -> Pipeline:
        return pipeline_for(
            self.config, connect_redis(self.config.redis.url), Log(CLOCK, "warning", self.log)
        )

    def read(self, pipeline: Pipeline, partitions: int) -> None:
        ends = pipeline.source.end_offsets(range(partitions))
        wanted = {number: end for number, end in ends.items() if end}
        while {n: part.offset for n, part in pipeline.parts.items() if n in wanted} != wanted:
            pipeline.run_once(0.1)
        pipeline.commit()

    def read_all(self, partitions: int) -> Pipeline:
        pipeline = self.start()
        self.read(pipeline, partitions)
        stop(pipeline)
        return pipeline

    def counted(self) -> int:
        """Requests in profiles and open windows of all partitions."""
        total = 0
        for number in self.store.partitions():
            total += sum(_events(raw) for _, raw in self.store.profiles_named(number, "*"))
            windows = self.store.claim(number, b"reader").windows
            total += sum(int(row_of(raw, WINDOW_DTYPE)["count"]) for raw in windows.values())
        return total

    def where(self) -> dict[str, set[int]]:
        """Key id -> partitions with a profile of it."""
        found: dict[str, set[int]] = {}
        for number in self.store.partitions():
            for key_id, _ in self.store.profiles_named(number, "*"):
                found.setdefault(key_id, set()).add(number)
        return found


def _events(raw: bytes) -> int:
    return int(np.frombuffer(raw, PROFILE_DTYPE)["events"][0])


def stop(pipeline: Pipeline) -> None:
    pipeline.source.close()
    pipeline.dead_letters.close()


@pytest.fixture(params=PLACES)
def partitioner(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
def topic(kafka: Kafka) -> str:
    name = lasting_topic(kafka, f"usage-{uuid.uuid4().hex[:8]}", BEFORE)
    kafka.create_topic(f"{name}.dead-letter")
    return name


@pytest.fixture
def path(tmp_path: Path, kafka: Kafka, topic: str, redis_url: str) -> Path:
    settings = {
        "kafka": {"bootstrap": kafka.bootstrap, "topic": topic, "partitions": "all"},
        "redis": {"url": redis_url},
        "geoip": {"databases": [str(GEO)]},
    }
    written = tmp_path / "keywatch.yaml"
    written.write_text(json.dumps(settings))
    return written


@pytest.fixture
def daemon(path: Path, topic: str, kafka: Kafka, partitioner: str) -> Daemon:
    """One that has read the history from two partitions; the topic has five by now."""
    found = Daemon(path, topic)
    fill(kafka, topic, HISTORY, lambda key_id: PLACES[partitioner](key_id, BEFORE))
    found.read_all(BEFORE)
    assert found.store.counts() == {BEFORE: False}
    kafka.grow(topic, AFTER)
    return found


def moved(partitioner: str) -> set[str]:
    place = PLACES[partitioner]
    return {key_id for key_id in KEYS if place(key_id, BEFORE) != place(key_id, AFTER)}


def migrate(path: Path) -> dict[str, Any]:
    done = CliRunner().invoke(app, ["migrate", "partitions", "--apply", "-c", str(path), "--json"])
    assert done.exit_code == 0, done.output
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def test_without_the_command_a_key_is_known_where_it_comes_again(
    daemon: Daemon, kafka: Kafka, topic: str, partitioner: str
) -> None:
    fill(kafka, topic, THEFT, lambda key_id: PLACES[partitioner](key_id, AFTER))
    pipeline = daemon.read_all(AFTER)
    seen = {json.loads(line)["key_id"] for line in THEFT} & moved(partitioner)
    assert seen
    assert pipeline.stats.taken_over == len(seen)
    assert pipeline.stats.partitions_before == [BEFORE]
    assert "topic_grown" in daemon.log.getvalue()
    assert pipeline.stats.findings > 0, "a cold key would be silent"
    rows = daemon.store.load_profiles(PLACES[partitioner]("key_victim", AFTER), ["key_victim"])
    assert rows[0] is not None
    assert int(row_of(rows[0], PROFILE_DTYPE)["windows"]) > 100


def test_the_command_moves_all_and_nothing_is_counted_twice_or_lost(
    daemon: Daemon, kafka: Kafka, topic: str, partitioner: str, path: Path
) -> None:
    told = migrate(path)
    assert (told["partitions"], told["placed"].partition(",")[0]) == (AFTER, partitioner)
    assert (told["moved"], told["merged"]) == (len(moved(partitioner)), 0)
    assert daemon.where() == {key_id: {PLACES[partitioner](key_id, AFTER)} for key_id in KEYS}
    assert daemon.counted() == len(HISTORY)
    fill(kafka, topic, THEFT, lambda key_id: PLACES[partitioner](key_id, AFTER))
    pipeline = daemon.read_all(AFTER)
    assert (pipeline.stats.taken_over, pipeline.stats.partitions_before) == (0, [])
    assert pipeline.stats.findings > 0
    assert daemon.counted() == len(HISTORY + THEFT)


def test_records_from_before_the_growth_find_their_key_after_the_move(
    daemon: Daemon, kafka: Kafka, topic: str, partitioner: str, path: Path
) -> None:
    """They were written where the key was, and are read when its baseline is elsewhere."""
    fill(kafka, topic, THEFT, lambda key_id: PLACES[partitioner](key_id, BEFORE))
    migrate(path)
    pipeline = daemon.read_all(BEFORE)
    assert pipeline.stats.taken_over > 0
    assert pipeline.stats.findings > 0
    again = migrate(path)
    assert again["merged"] == again["moved"] == pipeline.stats.taken_over
    assert daemon.where() == {key_id: {PLACES[partitioner](key_id, AFTER)} for key_id in KEYS}


def test_a_running_consumer_is_rewound_by_the_move_and_goes_on(
    daemon: Daemon, kafka: Kafka, topic: str, partitioner: str, path: Path
) -> None:
    pipeline = daemon.start()
    daemon.read(pipeline, AFTER)
    fill(kafka, topic, THEFT, lambda key_id: PLACES[partitioner](key_id, AFTER))
    pipeline.commit_every_s = 3600.0  # the move comes before the commit
    read = pipeline.stats.events
    while pipeline.stats.events < read + len(THEFT) // 2:
        pipeline.run_once(0.05)
    migrate(path)
    ends = {number: end for number, end in pipeline.source.end_offsets(range(AFTER)).items() if end}
    while {number: daemon.store.offset(number) for number in ends} != ends:
        daemon.read(pipeline, AFTER)
    assert pipeline.stats.fenced > 0
    stop(pipeline)
    migrate(path)
    assert daemon.where() == {key_id: {PLACES[partitioner](key_id, AFTER)} for key_id in KEYS}
    assert daemon.counted() == len(HISTORY + THEFT)
