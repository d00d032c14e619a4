"""Whatever happens to a consumer or to Redis, every event counts once and state ends byte-equal."""

from __future__ import annotations

import random
import signal
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import redis

from tests.faults.stored import offsets, stored
from tests.faults.streams import PARTITIONS, Topic, filled, finished
from tests.servers import Kafka

pytestmark = [pytest.mark.kafka, pytest.mark.redis]
ROUNDS = 20


@pytest.fixture(scope="module")
def topic(kafka: Kafka) -> Topic:
    return filled(kafka, "rotating_proxies")


@pytest.fixture
def client(redis_url: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(redis_url) as found:
        yield found


@pytest.fixture(scope="module")
def undisturbed(topic: Topic, store_server: Callable[[str], str]) -> dict[str, Any]:
    """What one run leaves that nothing happened to; Redis is empty again."""
    url = store_server("redis")
    with redis.Redis.from_url(url) as client:
        client.flushall()
        topic.run(url)
        state = stored(client, topic.name, PARTITIONS)
        assert offsets(client, topic.name, PARTITIONS) == topic.ends
        client.flushall()
    assert sum(len(state[f"{p} findings"]) for p in range(PARTITIONS)) > 0
    return state


def test_a_consumer_killed_twenty_times_leaves_what_an_undisturbed_one_leaves(
    topic: Topic, redis_url: str, client: redis.Redis, undisturbed: dict[str, Any]
) -> None:
    rng = random.Random(20)
    progress = [offsets(client, topic.name, PARTITIONS)]
    for _ in range(ROUNDS):
        worker = topic.start(redis_url, pace_s=0.05, poll_records=300, die_after_s=rng.uniform(0.0, 0.2))
        worker.communicate(timeout=60)
        assert worker.returncode == -signal.SIGKILL
        progress.append(offsets(client, topic.name, PARTITIONS))
    assert len({tuple(at) for at in progress}) > ROUNDS // 4, "the kills must fall into the work"
    assert progress[-1] != topic.ends
    topic.run(redis_url)
    assert stored(client, topic.name, PARTITIONS) == undisturbed


@pytest.mark.parametrize("kind", ["kafka-python", "confluent"])
def test_two_consumers_that_share_and_hand_over_partitions_leave_the_same(
    kind: str, topic: Topic, redis_url: str, client: redis.Redis, undisturbed: dict[str, Any]
) -> None:
    ask: dict[str, Any] = {"partitions": "group", "client": kind, "pace_s": 0.15, "poll_records": 300}
    first = topic.start(redis_url, **ask)
    while offsets(client, topic.name, PARTITIONS) == [-1] * PARTITIONS:
        assert first.poll() is None
    second = topic.start(redis_url, **ask)
    work = [finished(first), finished(second)]
    assert all(done["events"] > 0 for done in work), "the second must have been given a partition"
    assert stored(client, topic.name, PARTITIONS) == undisturbed


def test_the_other_client_leaves_the_same(
    topic: Topic, redis_url: str, client: redis.Redis, undisturbed: dict[str, Any]
) -> None:
    topic.run(redis_url, client="confluent")
    assert stored(client, topic.name, PARTITIONS) == undisturbed
