"""Lost replies, zombies and an older Redis: the pipeline on a real Redis, its source in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.errors import Reason, Transient
from monitor.checkpoint.base import Commit, CommitResult, StateStore
from monitor.checkpoint.memory import MemoryStateStore
from monitor.checkpoint.redis import RedisStateStore
from monitor.config import DetectConfig
from monitor.connect import connect_redis
from monitor.pipeline import Pipeline
from tests.faults.stored import offsets, stored
from tests.faults.streams import scenario_lines
from tests.pipelines import TOPIC, behind, memory_pipeline, to_the_end
from tests.servers import REDIS_KINDS

LINES = scenario_lines("rotating_proxies")[-9_000:]


def consumer(store: StateStore, poll_records: int = 700, commit_every_s: float = 0.0) -> Pipeline:
    return memory_pipeline(LINES, store, DetectConfig(finding_bits=6.0), poll_records, commit_every_s)


@pytest.fixture(params=REDIS_KINDS)
def client(request: pytest.FixtureRequest, empty_store: Callable[[str], str]) -> Iterator[Any]:
    found = connect_redis(empty_store(request.param))
    yield found
    found.close()


@pytest.fixture
def undisturbed(client: Any) -> dict[str, Any]:
    to_the_end(consumer(RedisStateStore(client, TOPIC), poll_records=2_000))
    state = stored(client, TOPIC, 1)
    assert state["0 findings"]
    assert offsets(client, TOPIC, 1) == [len(LINES)]
    client.flushall()
    return state


class LosesReplies(RedisStateStore):
    """Every third commit is done, and its answer never comes."""

    tried = 0
    answers: list[CommitResult]

    def commit(self, partition: int, commit: Commit) -> CommitResult:
        self.tried += 1
        answer = super().commit(partition, commit)
        self.answers = [*getattr(self, "answers", []), answer]
        if self.tried % 3 == 1:
            raise Transient(Reason.TIMEOUT, "the reply was lost")
        return answer


def test_a_commit_whose_reply_is_lost_and_that_is_repeated_counts_once(
    client: Any, undisturbed: dict[str, Any]
) -> None:
    store = LosesReplies(client, TOPIC)
    to_the_end(consumer(store))
    assert CommitResult.DONE in store.answers
    assert CommitResult.FENCED not in store.answers
    assert stored(client, TOPIC, 1) == undisturbed


def test_a_zombie_writes_nothing(client: Any, undisturbed: dict[str, Any]) -> None:
    zombie = consumer(RedisStateStore(client, TOPIC), commit_every_s=3600)
    for _ in range(5):
        zombie.run_once(0)
    owner = consumer(RedisStateStore(client, TOPIC))
    to_the_end(owner)
    zombie.commit()
    assert (zombie.stats.fenced, owner.stats.fenced) == (1, 0)
    assert stored(client, TOPIC, 1) == undisturbed


def test_a_fenced_consumer_drops_its_cache_and_ends_equal(client: Any, undisturbed: dict[str, Any]) -> None:
    first = consumer(RedisStateStore(client, TOPIC))
    second = consumer(RedisStateStore(client, TOPIC))
    for turn in range(60):
        (first, second)[turn // 3 % 2].run_once(0)
    to_the_end(first)
    to_the_end(first)
    assert first.stats.fenced > 0
    assert stored(client, TOPIC, 1) == undisturbed


def test_redis_put_back_to_an_older_snapshot_rewinds_and_ends_equal(
    client: Any, undisturbed: dict[str, Any]
) -> None:
    pipeline = consumer(RedisStateStore(client, TOPIC))
    for _ in range(4):
        pipeline.run_once(0)
    older = {key: client.dump(key) for key in client.scan_iter()}
    for _ in range(4):
        pipeline.run_once(0)
    client.flushall()
    for key, value in older.items():
        client.restore(key, 0, value)
    while offsets(client, TOPIC, 1) != [len(LINES)]:
        pipeline.run_once(0)
        pipeline.commit()
    assert pipeline.stats.fenced == 1
    assert stored(client, TOPIC, 1) == undisturbed


def _memory(poll_records: int, commit_every: int) -> tuple[Any, ...]:
    store = MemoryStateStore(TOPIC)
    pipeline = consumer(store, poll_records, commit_every_s=3600)
    turn = 0
    while behind(pipeline):
        pipeline.run_once(0)
        turn += 1
        if turn % commit_every == 0:
            pipeline.commit()
    pipeline.commit()
    claim = store.claim(0, b"compare")
    keys = sorted(pipeline.parts[0].slots)
    return (
        claim.offset,
        dict(claim.meta),
        dict(claim.windows),
        store.load_profiles(0, keys),
        store.findings(),
        store.samples([0]),
    )


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(poll_records=st.integers(40, 5_000), commit_every=st.integers(1, 12))
def test_state_does_not_depend_on_how_events_are_batched(poll_records: int, commit_every: int) -> None:
    assert _memory(poll_records, commit_every) == _memory(9_000, 1)
