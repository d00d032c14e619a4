"""What is looked at in Redis every few seconds, on every kind of Redis."""

from __future__ import annotations

from typing import Any

import pytest
import redis

from alerting.memory import RedisAlertMemory
from alerting.policy import Budget, Policy
from domain.clock import ManualClock
from domain.errors import Transient
from monitor.checkpoint.redis import RedisStateStore
from monitor.connect import connect_redis
from monitor.metrics import CIRCUIT_OPEN, OUTBOX_DEPTH, REDIS_ANSWER_AGE, REDIS_MAX, REDIS_USED
from monitor.watch import ActiveKeys, AlertWatch, RedisWatch
from tests.servers import without_retries

NOW_S = 1_780_000_000.0


def test_memory_of_every_node_is_seen(any_redis: str) -> None:
    client = connect_redis(any_redis)
    watch = RedisWatch(client, ManualClock())
    watch.look()
    used = {labels[0]: value for metric, labels, value in watch.samples() if metric is REDIS_USED}
    most = {labels[0]: value for metric, labels, value in watch.samples() if metric is REDIS_MAX}
    assert len(used) == (3 if "cluster" in any_redis else 1)
    assert all(value > 100_000 for value in used.values())
    assert set(most.values()) == {0}
    client.close()


@pytest.mark.redis
def test_a_silent_redis_shows_as_an_age_and_fails_the_job(redis_url: str) -> None:
    clock = ManualClock()
    watch = RedisWatch(without_retries(redis_url), clock)
    watch.look()
    gone = RedisWatch(without_retries("redis://127.0.0.1:1", 0.2), clock)
    clock.advance(40)
    with pytest.raises(Transient):
        gone.look()
    assert {metric: value for metric, _, value in gone.samples()}[REDIS_ANSWER_AGE] == 40
    watch.look()
    assert watch.age_s() == 0


@pytest.mark.redis
def test_a_user_who_may_not_read_memory_still_gets_an_answer(redis_url: str) -> None:
    admin: Any = without_retries(redis_url)
    admin.execute_command("ACL", "SETUSER", "least", "on", ">pw", "~kw:*", "+ping")
    least = redis.Redis.from_url(redis_url.replace("redis://", "redis://least:pw@"))
    watch = RedisWatch(least, ManualClock())
    watch.look()
    assert watch.age_s() == 0
    assert [metric for metric, _, _ in watch.samples()] == [REDIS_ANSWER_AGE]
    admin.execute_command("ACL", "DELUSER", "least")
    least.close()
    admin.close()


def policy(per_hour: int, share: float = 1.0) -> Policy:
    return Policy(version=1, rules=[], budget=Budget(per_hour=per_hour, share_of_active_keys=share))


class Scene:
    """Outboxes and suspensions in a Redis."""

    def __init__(self, url: str, allowed: Policy, active: int = 1_000) -> None:
        self.client: Any = connect_redis(url)
        self.clock = ManualClock(NOW_S)
        self.store = RedisStateStore(self.client, "t")
        self.memory = RedisAlertMemory(self.client)
        self.watch = AlertWatch(
            self.client,
            lambda: {n: self.store.key(n, "outbox") for n in (0, 1)},
            lambda: allowed,
            self.memory,
            lambda: active,
            self.clock,
        )

    def seen(self) -> dict[Any, float]:
        self.watch.look()
        return {(metric, labels): value for metric, labels, value in self.watch.samples()}


def test_findings_not_acted_on_are_counted_by_partition(any_redis: str) -> None:
    scene = Scene(any_redis, policy(5))
    scene.client.xadd(scene.store.key(1, "outbox"), {"f": b"{}"})
    assert scene.seen()[OUTBOX_DEPTH, ("0",)] == 0
    assert scene.seen()[OUTBOX_DEPTH, ("1",)] == 1


@pytest.mark.parametrize(("allowed", "active"), [(policy(2), 1_000), (policy(9, 0.01), 200)])
def test_the_circuit_is_open_while_the_budget_is_spent(any_redis: str, allowed: Policy, active: int) -> None:
    scene = Scene(any_redis, allowed, active)
    scene.memory.suspended("case_1", int(NOW_S * 1000))
    assert scene.seen()[CIRCUIT_OPEN, ()] == 0
    scene.memory.suspended("case_2", int(NOW_S * 1000))
    assert scene.seen()[CIRCUIT_OPEN, ()] == 1
    scene.clock.advance(3_601)
    assert scene.seen()[CIRCUIT_OPEN, ()] == 0


def test_keys_in_use_are_added_up_over_partitions(any_redis: str) -> None:
    client = connect_redis(any_redis)
    one, other = ActiveKeys(client, "t"), ActiveKeys(client, "t")
    assert one.total() == 0
    one.tell({0: 10, 1: 5})
    other.tell({1: 7})
    other.tell({})
    assert one.total() == 17
    client.close()


def test_an_alerter_learns_the_partitions_from_what_was_claimed(any_redis: str) -> None:
    client = connect_redis(any_redis)
    store = RedisStateStore(client, "t")
    assert store.partitions() == []
    assert store.offset(3) == -1
    for number in (3, 0, 10):
        store.claim(number, b"fence")
    assert store.partitions() == [0, 3, 10]
    client.close()
