"""What is remembered of keys at a vendor's, in memory and in every kind of Redis."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from msgspec.structs import replace

from domain.errors import Fatal, Reason
from keystore.adapters.priors import Hold, MemoryPriorStates, Overwritten, Phase, PriorStates, wanted_hold
from keystore.adapters.redis_priors import RELEASED_KEPT_MS, RedisPriorStates
from keystore.redis_store import Client
from tests.servers import REDIS_KINDS, connect

UNITS = ["key_1", "{tag}", "ключ", "a" * 500, "with space"]


@pytest.fixture(params=["memory", *REDIS_KINDS])
def priors(request: pytest.FixtureRequest, empty_store: Callable[[str], str]) -> Iterator[PriorStates]:
    if request.param == "memory":
        yield MemoryPriorStates()
        return
    with connect(empty_store(request.param)) as client:
        yield RedisPriorStates(client, "kong")


@pytest.fixture
def client(any_redis: str) -> Iterator[Client]:
    """For what memory does not do."""
    with connect(any_redis) as made:
        yield made


def hold(version: int = 1, phase: Phase = Phase.HELD, case_id: str = "case-1") -> Hold:
    wanted = wanted_hold("key_1", 1000, case_id, reason="spike", expires_ms=2000)
    return replace(wanted, version=version, phase=phase, prior='["gold"]')


def test_a_hold_comes_back_whole(priors: PriorStates) -> None:
    for unit in UNITS:
        assert priors.get(unit) is None
        priors.put(unit, hold())
        assert priors.get(unit) == hold()
    assert sorted(priors.held()) == sorted(UNITS)


def test_only_the_next_version_is_taken(priors: PriorStates) -> None:
    for wrong in (0, 2):
        with pytest.raises(Overwritten):
            priors.put("k", hold(wrong))
    priors.put("k", hold(1))
    priors.put("k", hold(1))  # a call that redis-py sent again
    for unlike in (replace(hold(1), reason="other"), hold(3)):
        with pytest.raises(Overwritten) as caught:
            priors.put("k", unlike)
        assert caught.value.reason is Reason.CONFLICT
    priors.put("k", hold(2, Phase.RELEASED))
    assert priors.get("k") == hold(2, Phase.RELEASED)


def test_released_keys_are_not_held_and_intended_ones_are(priors: PriorStates) -> None:
    priors.put("a", hold(phase=Phase.INTENDED))
    priors.put("b", hold())
    assert sorted(priors.held()) == ["a", "b"]
    priors.put("b", hold(2, Phase.RELEASED))
    assert priors.held() == ["a"]


def test_a_released_hold_is_forgotten_in_time_and_a_held_one_never(client: Client) -> None:
    priors = RedisPriorStates(client, "kong")
    priors.put("k", hold(1, Phase.RELEASED))
    (name,) = [name for name in client.scan_iter() if not name.endswith(b":held")]
    assert 0 < client.pttl(name) <= RELEASED_KEPT_MS
    priors.put("k", hold(2))
    assert client.pttl(name) == -1


def test_two_kinds_of_store_share_no_key(client: Client) -> None:
    RedisPriorStates(client, "kong").put("k", hold())
    assert RedisPriorStates(client, "tyk").get("k") is None
    assert RedisPriorStates(client, "tyk").held() == []


def test_a_damaged_hold_is_named(client: Client) -> None:
    priors = RedisPriorStates(client, "kong")
    priors.put("k", hold())
    (name,) = [name for name in client.scan_iter() if not name.endswith(b":held")]
    client.hset(name, "hold", b"{}")
    with pytest.raises(Fatal, match="'k' cannot be read") as caught:
        priors.get("k")
    assert caught.value.reason is Reason.CORRUPT


def test_marks_may_stand_in_a_tag_or_an_annotation() -> None:
    plain = wanted_hold("k", 1, "case_1f0c22ab34cd56ef").mark
    odd = [wanted_hold("k", 1, case_id).mark for case_id in ("a,b", "a/b", "", "ü", "x" * 100)]
    assert plain == "keywatch-case_1f0c22ab34cd56ef"
    assert len({plain, *odd}) == 6
    assert all(mark.removeprefix("keywatch-").isalnum() for mark in odd)
