"""Backtests started from the console: one at a time, answered for by any replica, ended at a stop."""

from __future__ import annotations

import io
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from alerting.policy import policy_of
from domain.clock import ManualClock
from domain.errors import Fatal, KeywatchError, Reason, Refused, Rejected
from domain.overview import Backtest, BacktestState
from monitor.backtests import RedisBacktests
from monitor.config import Config, GeoipConfig, KafkaConfig, RedisConfig
from monitor.config_alerting import AlertConfig
from monitor.connect import connect_redis
from monitor.demo import POLICY
from monitor.logs import Log
from monitor.period import Period
from monitor.recording import Recording, recording
from monitor.wiring_alerting import office_for
from monitor.wiring_readers import readers_for
from sample_streams import GEO
from sample_streams.model import HOUR_MS, START_MS
from tests.servers import Kafka
from tests.topics import fill, lasting_topic, stretch

LINES = stretch("stolen_key_new_country", 36.0, 44.6)
PERIOD = (START_MS, START_MS + 48 * HOUR_MS)
PROTECTED = POLICY + "protected_keys: [key_victim]\n"
CONFIG = Config(geoip=GeoipConfig(databases=[str(GEO)]))


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("recorded") / "usage.jsonl"
    path.write_bytes(b"\n".join(LINES))
    return path


class Scene:
    """Two replicas on one Redis."""

    def __init__(self, client: Any, recorded: Path) -> None:
        self.client, self.recorded, self.clock = client, recorded, ManualClock(1_780_000_000.0)
        self.one, self.two = self.replica(), self.replica()

    def replica(self, found: Callable[[Period], Recording] | None = None) -> RedisBacktests:
        found = found or (lambda period: recording([self.recorded], False, "native", CONFIG, period))
        policy = policy_of(PROTECTED, "test")
        return RedisBacktests(
            self.client, found, lambda: policy, self.clock, Log(self.clock, "error", io.StringIO())
        )


@pytest.fixture
def scene(redis_url: str, recorded: Path) -> Iterator[Scene]:
    client = connect_redis(redis_url)
    made = Scene(client, recorded)
    yield made
    made.one.stop()
    made.two.stop()
    client.close()


def ended(backtests: RedisBacktests, backtest_id: str, within_s: float = 60) -> Backtest:
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        found = backtests.get(backtest_id)
        if found.state is not BacktestState.RUNNING:
            return found
        time.sleep(0.02)
    raise AssertionError("the backtest did not end")


def reason_of(call: Callable[[], object]) -> Reason:
    with pytest.raises(KeywatchError) as caught:
        call()
    return caught.value.reason


@pytest.mark.redis
def test_any_replica_tells_how_it_ended(scene: Scene) -> None:
    begun = scene.one.start(POLICY, *PERIOD, "ada")
    assert begun.state is BacktestState.RUNNING
    found = ended(scene.two, begun.id)
    assert (found.state, found.who, found.error) == (BacktestState.DONE, "ada", "")
    assert found.report is not None
    assert found.report["old"]["suspended"] == 0
    assert found.report["new"]["suspended"] == 1
    (change,) = found.report["changed"]
    assert (change["key_id"], change["old"]["action"]) == ("key_victim", "alert")


@pytest.mark.redis
def test_one_at_a_time_a_process_and_the_next_after_it(scene: Scene) -> None:
    begun = scene.one.start(POLICY, *PERIOD, "ada")
    assert reason_of(lambda: scene.one.start(POLICY, *PERIOD, "bob")) is Reason.CONFLICT
    other = scene.two.start(POLICY, *PERIOD, "bob")
    ended(scene.two, begun.id)
    again = scene.one.start(POLICY, *PERIOD, "ada")
    assert len({begun.id, other.id, again.id}) == 3


@pytest.mark.redis
def test_bad_input_starts_nothing(scene: Scene) -> None:
    with pytest.raises(Rejected, match="known here"):
        scene.one.start(POLICY + "nonsense: 1\n", *PERIOD, "ada")
    with pytest.raises(Rejected, match="period"):
        scene.one.start(POLICY, PERIOD[1], PERIOD[0], "ada")
    for name in ("bt_0123456789abcdef", "x", "bt_0123456789abcdef}:state"):
        with pytest.raises(Refused) as caught:
            scene.one.get(name)
        assert caught.value.reason is Reason.NOT_FOUND
    assert scene.client.keys("*") == []


@pytest.mark.redis
def test_what_goes_wrong_is_told(scene: Scene) -> None:
    def broken(period: Period) -> Recording:
        raise Fatal(Reason.CONFIG, f"kafka.bootstrap: no broker answers for {period.from_ms}")

    begun = scene.replica(broken).start(POLICY, *PERIOD, "ada")
    found = ended(scene.two, begun.id)
    assert (found.state, found.report) == (BacktestState.FAILED, None)
    assert "no broker answers" in found.error


@pytest.mark.redis
def test_a_stop_ends_it_and_no_other_starts(scene: Scene) -> None:
    begun = scene.one.start(POLICY, *PERIOD, "ada")
    scene.one.stop()
    found = scene.two.get(begun.id)
    assert found.state is BacktestState.FAILED
    assert "start it again" in found.error
    assert reason_of(lambda: scene.one.start(POLICY, *PERIOD, "ada")) is Reason.CONFLICT


@pytest.mark.redis
def test_one_whose_process_died_has_failed(scene: Scene) -> None:
    begun = scene.one.start(POLICY, *PERIOD, "ada")
    ended(scene.one, begun.id)
    state, alive = (f"kw:{{{begun.id}}}:{part}" for part in ("state", "alive"))
    assert scene.client.pttl(state) > 6 * 86_400_000
    scene.client.set(state, scene.client.get(state).replace(b'"done"', b'"running"'))
    assert scene.two.get(begun.id).state is BacktestState.RUNNING
    scene.client.delete(alive)
    assert scene.two.get(begun.id).state is BacktestState.FAILED


@pytest.mark.kafka
@pytest.mark.redis
def test_the_console_replays_what_kafka_still_holds(redis_url: str, kafka: Kafka, tmp_path: Path) -> None:
    name = lasting_topic(kafka, f"usage-{uuid.uuid4().hex[:8]}", 2)
    fill(kafka, name, LINES, lambda key_id: int(key_id == "key_victim"))
    (tmp_path / "policy.yaml").write_text(PROTECTED)
    config = Config(
        kafka=KafkaConfig(bootstrap=kafka.bootstrap, topic=name),
        redis=RedisConfig(url=redis_url),
        geoip=CONFIG.geoip,
        alert=AlertConfig(policy=str(tmp_path / "policy.yaml")),
    )
    client = connect_redis(redis_url)
    readers = readers_for(config, client, office_for(config, client))
    begun = readers.backtests.start(POLICY, *PERIOD, "ada")
    found = ended(readers.backtests, begun.id)
    assert found.error == ""
    assert found.report is not None
    assert found.report["new"]["events"] == len(LINES)
    assert found.report["new"]["suspended"] == 1
    readers.backtests.stop()
    client.close()
