"""A hundred threads at once: whoever is stopped stays out from the moment the stop was acknowledged."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from threading import Barrier, Event

import pytest

from domain.clock import ManualClock
from domain.errors import KeywatchError, Reason
from domain.ports import KeyState
from keystore.hashing import Peppers
from keystore.rate import RateLimit
from keystore.redis_store import RedisKeyStore
from keystore.request import Request
from keystore.results import Issued, Verified
from tests.servers import connect

KEYS = 10
VERIFIERS = 6
"""Of the ten threads of each key; two stop it and two rotate it."""
THREADS = KEYS * (VERIFIERS + 4)
SERVERS = [
    pytest.param("redis", marks=pytest.mark.redis),
    pytest.param("cluster", marks=pytest.mark.cluster),
]
READ = Request("GET", "/v1/items/42", "198.18.3.7")


@dataclass
class Raced:
    """A key under fire, and what came of it."""

    issued: Issued
    used: Event = field(default_factory=Event)
    stopped: Event = field(default_factory=Event)
    accepted: int = 0
    too_late: int = 0
    refused: list[Reason] = field(default_factory=list)


def verify_until_stopped(store: RedisKeyStore, key: Raced) -> None:
    after = 0
    while after < 3:
        acknowledged = key.stopped.is_set()
        after += acknowledged
        accepted = isinstance(store.verify(key.issued.secret, READ), Verified)
        key.accepted += accepted
        key.used.set()
        key.too_late += accepted and acknowledged


def attempt(key: Raced, act: Callable[[], object]) -> None:
    try:
        act()
    except KeywatchError as error:
        key.refused.append(error.reason)


def suspend(store: RedisKeyStore, key: Raced, case_id: str) -> None:
    attempt(key, lambda: store.suspend(key.issued.key_id, case_id=case_id, reason="spike", expires_ms=None))


def revoke(store: RedisKeyStore, key: Raced, case_id: str) -> None:
    attempt(key, lambda: store.revoke(key.issued.key_id, case_id, "leaked"))


def rotate_now(store: RedisKeyStore, key: Raced, case_id: str) -> None:
    attempt(key, lambda: store.rotate(key.issued.key_id, case_id, "leaked", grace_s=0))


def race(store: RedisKeyStore, stop: Callable[[RedisKeyStore, Raced, str], None]) -> list[Raced]:
    """With ``rotate_now`` the rotators stop the key too: whoever comes second is told that it is done."""
    keys = [Raced(store.issue("acme", "ops", "ci", scopes=["*:/**"])) for _ in range(KEYS)]
    start = Barrier(THREADS)

    def verifier(key: Raced) -> None:
        start.wait()
        verify_until_stopped(store, key)

    def stopper(key: Raced, case_id: str) -> None:
        start.wait()
        key.used.wait()
        stop(store, key, case_id)
        key.stopped.set()

    def rotator(key: Raced, who: str) -> None:
        start.wait()
        key.used.wait()
        attempt(key, lambda: store.rotate(key.issued.key_id, who, grace_s=0 if stop is rotate_now else 3600))

    with ThreadPoolExecutor(THREADS) as pool:
        work = [pool.submit(verifier, key) for key in keys for _ in range(VERIFIERS)]
        work += [pool.submit(stopper, key, case) for key in keys for case in ("case-1", "case-2")]
        work += [pool.submit(rotator, key, who) for key in keys for who in ("ada", "bob")]
        for done in work:
            done.result()
    return keys


@pytest.fixture(params=SERVERS)
def store(request: pytest.FixtureRequest, empty_store: Callable[[str], str]) -> RedisKeyStore:
    return RedisKeyStore(connect(empty_store(request.param)), ManualClock(1_767_225_600), Peppers.generate())


@pytest.mark.parametrize("stop", [suspend, revoke, rotate_now])
def test_nobody_is_let_in_after_a_stop_was_acknowledged(
    store: RedisKeyStore, stop: Callable[[RedisKeyStore, Raced, str], None]
) -> None:
    for key in race(store, stop):
        assert key.accepted > 0
        assert key.too_late == 0
        details = store.details(key.issued.key_id)
        successors = [k for k in store.every_key() if k.predecessor == key.issued.key_id]
        living = [k.status.key_id for k in successors if k.status.state is KeyState.ACTIVE]
        assert living == ([details.successor] if details.successor else [])
        told = store.history(key.issued.key_id)[::-1]
        assert [entry.before for entry in told[1:]] == [entry.after for entry in told[:-1]]
        assert set(key.refused) <= {Reason.CONFLICT, Reason.ILLEGAL_STATE}


def test_a_rate_limit_is_exact_under_a_hundred_threads(store: RedisKeyStore) -> None:
    issued = store.issue("acme", "ops", "ci", scopes=["*:/**"], rate=RateLimit(1000, 3600, 250))
    start = Barrier(THREADS)

    def ask() -> int:
        start.wait()
        return sum(isinstance(store.verify(issued.secret, READ), Verified) for _ in range(5))

    with ThreadPoolExecutor(THREADS) as pool:
        accepted = sum(done.result() for done in [pool.submit(ask) for _ in range(THREADS)])
    assert accepted == 250
    assert sum(store.usage([issued.key_id])[0].days.values()) == 250
