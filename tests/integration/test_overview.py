"""What consumers tell and the console reads, on every kind of Redis."""

from __future__ import annotations

from typing import Any

import pytest

from alerting.findings import RedisFindingStore
from alerting.found import Keep
from alerting.memory import RedisAlertMemory
from alerting.policy import Budget, Policy
from domain.clock import ManualClock
from domain.decision import Action
from domain.desk import DeliveryReport, DeliveryState
from domain.overview import BudgetUse, FoundFinding, Pulse
from monitor.checkpoint.redis import RedisStateStore
from monitor.connect import connect_redis
from monitor.overview import Overall
from monitor.pulse import MINUTES, Counted, Pulses, Tally
from monitor.watch import ActiveKeys
from tests.alerts import finding

MINUTE_S = 1_780_000_020 // 60 * 60
DELIVERY = DeliveryReport(DeliveryState.OK, 0, 0.0, 0, 0.0, {})


class Scene:
    """Consumers and a console on one Redis."""

    def __init__(self, url: str, policy: Policy | None = None) -> None:
        self.client: Any = connect_redis(url)
        self.clock = ManualClock(float(MINUTE_S))
        self.store = RedisStateStore(self.client, "t")
        self.findings = RedisFindingStore(self.client, Keep())
        self.memory = RedisAlertMemory(self.client)
        self.active = ActiveKeys(self.client, "t")
        self.overview = Overall(
            Pulses(self.client, "t", self.clock),
            self.store.partitions,
            self.active.total,
            self.findings,
            self.memory,
            lambda: policy or Policy(version=1, rules=[]),
            lambda: DELIVERY,
            self.clock,
        )

    def consumer(self, *held: int) -> Consumer:
        """One that has just been given partitions."""
        for number in held:
            self.store.claim(number, b"fence")
        return Consumer(self, list(held))

    def pulse(self) -> Pulse:
        return self.overview.pulse()

    def now_ms(self) -> int:
        return int(self.clock.now() * 1000)


class Consumer:
    """One process."""

    def __init__(self, scene: Scene, held: list[int]) -> None:
        self.scene, self.held, self.tally = scene, held, Tally()
        self.pulses = Pulses(scene.client, "t", scene.clock)

    def does(self, partition: int, events: int, findings: int = 0, rejected: int = 0) -> None:
        self.tally.seen(partition, events, findings, rejected)
        self.tally.committed(partition, self.scene.clock.now())

    def tells(self, **lag: int) -> None:
        self.pulses.tell(self.tally, {int(name[1:]): n for name, n in lag.items()}, self.held)


@pytest.fixture
def scene(any_redis: str) -> Any:
    made = Scene(any_redis)
    yield made
    made.client.close()


def test_nobody_has_said_anything(scene: Scene) -> None:
    pulse = scene.pulse()
    assert (pulse.lag, pulse.silent_s, pulse.partitions, pulse.events_per_s) == (None, None, 0, 0.0)
    assert len(pulse.minutes) == MINUTES
    assert pulse.minutes[-1].start_ms == MINUTE_S * 1000
    scene.store.claim(3, b"fence")
    assert scene.pulse().silent_s == 86_400


def test_consumers_are_added_up_however_often_they_tell(scene: Scene) -> None:
    one, two = scene.consumer(0, 1), scene.consumer(2)
    one.does(0, 600)
    one.does(1, 300, findings=2, rejected=5)
    two.does(2, 60, findings=1)
    for consumer in (one, two, one):
        consumer.tells(_0=10, _1=5, _2=7)
    scene.clock.advance(60)
    one.does(0, 7)
    one.tells(_0=1, _1=0)
    pulse = scene.pulse()
    assert pulse.events_per_s == 16.0
    assert pulse.lag == 1 + 0 + 7
    assert pulse.partitions == 3
    assert pulse.rejected == 5
    assert pulse.silent_s == 60.0
    assert [(m.events, m.findings) for m in pulse.minutes[-2:]] == [(960, 3), (7, 0)]


def test_a_partition_that_moves_keeps_its_minutes(scene: Scene) -> None:
    one, two = scene.consumer(0), scene.consumer()
    one.does(0, 100)
    one.tells(_0=1)
    two.held = [0]
    two.does(0, 20)
    two.tells(_0=0)
    one.held = []
    one.tells()
    assert scene.pulse().minutes[-1].events == 120


def test_what_is_read_again_after_a_rewind_counts_once(scene: Scene) -> None:
    one = scene.consumer(0)
    one.tally.seen(0, 50, 1, 1)
    one.tally.forget(0)
    one.does(0, 50, 1, 1)
    one.tells()
    assert one.tally.minutes[0] == {MINUTE_S // 60: Counted(50, 1, 1)}
    assert scene.pulse().minutes[-1].events == 50


def test_nothing_grows_with_time(scene: Scene) -> None:
    one = scene.consumer(0)
    for _ in range(3 * MINUTES):
        one.does(0, 1)
        one.tells(_0=0)
        scene.clock.advance(60)
    assert len(one.tally.minutes[0]) <= MINUTES + 1
    assert scene.client.hlen("kw:{t:0}:pulse") <= MINUTES + 5
    assert sum(minute.events for minute in scene.pulse().minutes) == MINUTES - 1


def test_lag_of_a_silent_consumer_does_not_count(scene: Scene) -> None:
    one, two = scene.consumer(0), scene.consumer(1)
    one.tells(_0=1000)
    scene.clock.advance(61)
    assert scene.pulse().lag is None
    two.tells(_1=4)
    assert scene.pulse().lag == 4


def test_alerts_suspensions_and_budgets(any_redis: str) -> None:
    policy = Policy(version=1, rules=[], budget=Budget(per_hour=20, share_of_active_keys=0.01))
    scene = Scene(any_redis, policy)
    scene.active.tell({0: 300, 1: 100})
    now_ms = scene.now_ms()
    for number in range(4):
        action = Action.OBSERVE if number == 3 else Action.SUSPEND
        found = FoundFinding(finding(id=f"f{number}", key_id=f"key_{number % 2}"), action, "")
        scene.findings.write(found, loud=number == 0, now_ms=now_ms)
    for number in range(3):
        scene.memory.suspended(f"case_{number}", now_ms)
    pulse = scene.pulse()
    assert (pulse.findings, pulse.alerts, pulse.suspensions, pulse.active_keys) == (4, 1, 3, 400)
    assert pulse.alert_budget == BudgetUse(2, 2.0)
    assert pulse.suspension_budget == BudgetUse(3, 4)
    scene.memory.suspended("case_9", now_ms)
    assert scene.pulse().suspension_budget == BudgetUse(4, 4, spent=True)
    scene.clock.advance(3601)
    assert scene.pulse().suspension_budget == BudgetUse(0, 4)
    assert scene.pulse().suspensions == 4
    scene.client.close()


@pytest.mark.redis
def test_round_trips_do_not_grow_with_partitions(redis_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    scene = Scene(redis_url)
    sent: list[int] = []
    read = scene.client.connection_pool.connection_class.send_packed_command

    def counted(self: Any, *args: Any, **named: Any) -> Any:
        sent.append(1)
        return read(self, *args, **named)

    monkeypatch.setattr(scene.client.connection_pool.connection_class, "send_packed_command", counted)
    counts = []
    for numbers in (range(1), range(64)):
        consumer = scene.consumer(*numbers)
        consumer.tells()
        sent.clear()
        scene.pulse()
        counts.append(len(sent))
    assert counts[0] == counts[1] <= 12
    scene.client.close()
