"""One suite for every state store: memory, Redis, Redis Cluster, Valkey."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from domain.errors import Fatal, Reason, Refused, Transient
from domain.profile import SCHEMA_VERSION
from monitor.checkpoint.base import NO_OFFSET, SCHEMA, Commit, CommitResult, StateStore
from monitor.checkpoint.memory import MemoryStateStore
from monitor.checkpoint.redis import RedisStateStore
from monitor.connect import connect_redis
from tests.servers import REDIS_KINDS

TOPIC = "api-usage"


@pytest.fixture
def redis_store(any_redis: str) -> RedisStateStore:
    return RedisStateStore(connect_redis(any_redis), TOPIC)


@pytest.fixture(params=["memory", *REDIS_KINDS])
def store(request: pytest.FixtureRequest, empty_store: Callable[[str], str]) -> StateStore:
    if request.param == "memory":
        return MemoryStateStore(TOPIC)
    return RedisStateStore(connect_redis(empty_store(request.param)), TOPIC)


def full_commit(expected: bytes, fence: bytes, offset: int = 10) -> Commit:
    return Commit(
        expected=expected,
        fence=fence,
        offset=offset,
        meta={"watermark_ms": b"77"},
        profiles={"key_a": b"\x00row-a", "k{e}y b": b"row-b"},
        windows={(5, "key_a"): b"window-a", (6, "key_a"): b"window-b"},
        samples=[b"s1", b"s2"],
    )


def test_first_claim_of_a_partition_starts_before_every_record(store: StateStore) -> None:
    claim = store.claim(0, b"f1")
    assert (claim.offset, dict(claim.windows)) == (NO_OFFSET, {})


def test_commit_is_read_back_by_the_next_claim(store: StateStore) -> None:
    store.claim(0, b"f1")
    assert store.commit(0, full_commit(b"f1", b"f2")) is CommitResult.APPLIED
    claim = store.claim(0, b"g1")
    assert claim.offset == 10
    assert claim.meta["watermark_ms"] == b"77"
    assert dict(claim.windows) == {(5, "key_a"): b"window-a", (6, "key_a"): b"window-b"}
    assert store.load_profiles(0, ["k{e}y b", "nobody", "key_a"]) == [b"row-b", None, b"\x00row-a"]
    assert store.samples([0, 1]) == [b"s2", b"s1"]


def test_repeating_a_commit_whose_reply_was_lost_changes_nothing(store: StateStore) -> None:
    store.claim(0, b"f1")
    commit = full_commit(b"f1", b"f2")
    assert store.commit(0, commit) is CommitResult.APPLIED
    assert store.commit(0, commit) is CommitResult.DONE
    assert store.samples([0]) == [b"s2", b"s1"]


def test_writer_whose_partition_was_claimed_by_another_writes_nothing(store: StateStore) -> None:
    store.claim(0, b"zombie")
    store.claim(0, b"owner")
    assert store.commit(0, full_commit(b"zombie", b"zombie2")) is CommitResult.FENCED
    assert store.load_profiles(0, ["key_a"]) == [None]
    assert store.commit(0, full_commit(b"owner", b"owner2")) is CommitResult.APPLIED


def test_closed_windows_are_forgotten(store: StateStore) -> None:
    store.claim(0, b"f1")
    store.commit(0, full_commit(b"f1", b"f2"))
    store.commit(0, Commit(expected=b"f2", fence=b"f3", offset=11, closed=[(5, "key_a")]))
    assert set(store.claim(0, b"f4").windows) == {(6, "key_a")}


def test_keys_that_left_have_no_profile_here(store: StateStore) -> None:
    store.claim(0, b"f1")
    store.commit(0, full_commit(b"f1", b"f2"))
    store.commit(0, Commit(expected=b"f2", fence=b"f3", offset=10, left=["key_a", "never here"]))
    assert store.load_profiles(0, ["key_a", "k{e}y b"]) == [None, b"row-b"]


def test_a_partition_of_a_newer_schema_is_refused_and_its_writer_left_alone(store: StateStore) -> None:
    store.claim(0, b"newer")
    meta = {SCHEMA: b"%d" % (SCHEMA_VERSION + 1)}
    store.commit(0, Commit(expected=b"newer", fence=b"newer2", offset=3, meta=meta))
    with pytest.raises(Refused, match="partition 0 has schema") as error:
        store.claim(0, b"older")
    assert error.value.reason is Reason.NEWER_SCHEMA
    next_commit = Commit(expected=b"newer2", fence=b"newer3", offset=4)
    assert store.commit(0, next_commit) is CommitResult.APPLIED


def test_partitions_are_apart(store: StateStore) -> None:
    store.claim(0, b"a")
    store.claim(1, b"b")
    store.commit(0, full_commit(b"a", b"a2"))
    assert store.load_profiles(1, ["key_a"]) == [None]
    assert store.claim(1, b"b2").offset == NO_OFFSET


def test_large_commit_passes_whole(store: StateStore) -> None:
    store.claim(0, b"f1")
    rows = {f"key_{i}": bytes([i % 256]) * 1500 for i in range(2500)}
    store.commit(0, Commit(expected=b"f1", fence=b"f2", offset=9, profiles=rows))
    assert store.load_profiles(0, list(rows)) == list(rows.values())


def test_commit_onto_a_key_of_another_type_writes_nothing(redis_store: RedisStateStore) -> None:
    redis_store.claim(0, b"f1")
    redis_store._redis.set(redis_store.key(0, "samples"), "not a list")
    with pytest.raises(Fatal, match="samples"):
        redis_store.commit(0, full_commit(b"f1", b"f2"))
    assert redis_store.load_profiles(0, ["key_a"]) == [None]


def test_outbox_ids_follow_record_offsets(redis_store: RedisStateStore) -> None:
    redis_store.claim(0, b"f1")
    outbox = [(4, b"one"), (4, b"two"), (9, b"three")]
    redis_store.commit(0, Commit(expected=b"f1", fence=b"f2", offset=10, outbox=outbox))
    entries = redis_store._redis.xrange(redis_store.key(0, "outbox"))
    assert entries == [(b"5-0", {b"f": b"one"}), (b"5-1", {b"f": b"two"}), (b"10-0", {b"f": b"three"})]


def test_racing_writers_of_one_claim_apply_once(redis_store: RedisStateStore) -> None:
    redis_store.claim(0, b"f1")
    results: list[CommitResult] = []

    def write(number: int) -> None:
        commit = Commit(expected=b"f1", fence=b"w%d" % number, offset=number, samples=[b"x"])
        results.append(redis_store.commit(0, commit))

    _together([lambda n=n: write(n) for n in range(8)])  # type: ignore[misc]
    assert sorted(results) == [CommitResult.APPLIED] + [CommitResult.FENCED] * 7
    assert redis_store.samples([0]) == [b"x"]


def _together(calls: list[Callable[[], None]]) -> None:
    threads = [threading.Thread(target=call) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_unreachable_redis_is_transient_and_names_the_setting() -> None:
    store = RedisStateStore(connect_redis("redis://127.0.0.1:1/0", timeout_s=0.2), TOPIC)
    with pytest.raises(Transient, match=r"redis\.url"):
        store.claim(0, b"f1")
