"""Whatever is done to keys in whatever order, Redis and the in-memory double agree.

The double runs the rules in Python, Redis runs them as a script: this holds the two together.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from domain.clock import ManualClock
from domain.errors import KeywatchError
from domain.ports import KeyState, KeyStatus
from keystore.base import BaseKeyStore
from keystore.hashing import Peppers
from keystore.memory_store import MemoryKeyStore
from keystore.rate import RateLimit
from keystore.redis_store import Client, RedisKeyStore
from keystore.request import Request
from keystore.results import Issued
from tests.servers import connect

KEYS = ("a{}", "\u212a", "missing")
"""Few, so that acts meet on one key; the first is never revoked."""
cases = st.sampled_from(["case-1", "case-2"])
keys = st.sampled_from((*KEYS[:2], *KEYS))
GRANT: dict[str, Any] = {
    "scopes": ("GET:/v1/items/**",),
    "networks": ("198.18.0.0/15",),
    "rate": RateLimit(1, 2, 2),
}
people = st.sampled_from(["ada", "bob"])
requests = st.builds(
    Request,
    method=st.sampled_from(["GET", "DELETE"]),
    path=st.sampled_from(["/v1/items/1", "/v1/users"]),
    ip=st.sampled_from(["198.18.3.7", "2001:db8::7"]),
    environment=st.sampled_from(["", "live", "test"]),
)
ends = st.sampled_from([None, -1, 0, 2000, 9000])


class BothStores(RuleBasedStateMachine):
    """Does the same to both and compares the answers."""

    client: ClassVar[Client]

    @initialize(lives=st.lists(st.sampled_from([None, 4, 10_000]), min_size=2, max_size=2))
    def begin(self, lives: list[int | None]) -> None:
        self.clock = ManualClock(1_767_225_600)
        peppers = Peppers.generate()
        real = RedisKeyStore(self.client, self.clock, peppers, f"t{uuid.uuid4().hex}")
        self.stores: tuple[BaseKeyStore, BaseKeyStore] = (MemoryKeyStore(self.clock, peppers), real)
        for store in self.stores:
            store.import_many([(key_id, "acme", "ops") for key_id in KEYS[:2]])
        self.issued = [
            [store.issue("acme", "ops", "ci", expires_s=life, **GRANT) for store in self.stores]
            for life in lives
        ]

    def both(self, act: Callable[[BaseKeyStore], object]) -> None:
        double, real = (_outcome(store, act) for store in self.stores)
        assert real == double

    @rule(key_id=keys, case_id=cases, reason=st.text(max_size=5), after=ends)
    def suspend(self, key_id: str, case_id: str, reason: str, after: int | None) -> None:
        end = None if after is None else int(self.clock.now() * 1000) + after
        self.both(lambda s: s.suspend(key_id, case_id=case_id, reason=reason, expires_ms=end))

    @rule(key_id=keys, case_id=cases)
    def reinstate(self, key_id: str, case_id: str) -> None:
        self.both(lambda s: s.reinstate(key_id, case_id=case_id))

    @rule(key_id=keys, by=people)
    def suspend_manually(self, key_id: str, by: str) -> None:
        self.both(lambda s: s.suspend_manually(key_id, by, "looked wrong"))

    @rule(key_id=keys, by=people)
    def reinstate_manually(self, key_id: str, by: str) -> None:
        self.both(lambda s: s.reinstate_manually(key_id, by, "looked right"))

    @rule(key_id=st.sampled_from(KEYS[1:]), by=people)
    def revoke(self, key_id: str, by: str) -> None:
        self.both(lambda s: s.revoke(key_id, by, "leaked"))

    @rule(key_id=keys, case_id=cases)
    def expire_one(self, key_id: str, case_id: str) -> None:
        self.both(lambda s: s.expire_suspension(key_id, case_id))

    @rule()
    def expire_all_due(self) -> None:
        def job(store: BaseKeyStore) -> list[object]:
            due = store.due_expiries(int(self.clock.now() * 1000))
            return [store.expire_suspension(d.key_id, d.case_id) for d in due if d.key_id in KEYS[:2]]

        self.both(job)

    @rule(seconds=st.sampled_from([0.5, 2, 5]))
    def pass_time(self, seconds: float) -> None:
        self.clock.advance(seconds)

    @rule(which=st.integers(0, 1), case_id=cases, after=ends)
    def suspend_issued(self, which: int, case_id: str, after: int | None) -> None:
        end = None if after is None else int(self.clock.now() * 1000) + after
        self.both_issued(which, lambda s, i: s.suspend(i.key_id, case_id=case_id, reason="", expires_ms=end))

    @rule(which=st.integers(0, 1), case_id=cases)
    def reinstate_issued(self, which: int, case_id: str) -> None:
        self.both_issued(which, lambda s, i: s.reinstate(i.key_id, case_id=case_id))

    @rule(which=st.integers(0, 1), request=requests)
    def verify(self, which: int, request: Request) -> None:
        double, real = (
            _verdict(store, issued, request)
            for store, issued in zip(self.stores, self.issued[which], strict=True)
        )
        assert real == double

    def both_issued(self, which: int, act: Callable[[BaseKeyStore, Issued], KeyStatus]) -> None:
        """Ids and secrets are random, so the stores' own are used and ids left out of the comparison."""
        double, real = (
            _outcome(store, partial(_act_without_id, act, issued))
            for store, issued in zip(self.stores, self.issued[which], strict=True)
        )
        assert real == double

    @invariant()
    def keys_read_alike(self) -> None:
        for key_id in KEYS[:2]:
            self.both(partial(_details_and_history, key_id))

    @invariant()
    def uses_agree(self) -> None:
        double, real = (
            store.usage([pair[which].key_id for pair in self.issued])
            for which, store in enumerate(self.stores)
        )
        assert real == double

    @invariant()
    def lists_agree(self) -> None:
        for state in (None, KeyState.SUSPENDED, KeyState.EXPIRED):
            self.both(partial(_listed, state))

    @invariant()
    def schedules_agree(self) -> None:
        far = int(self.clock.now() * 1000) + 10**6
        self.both(lambda s: sorted((d.due_ms, d.case_id) for d in s.due_expiries(far)))


def _verdict(store: BaseKeyStore, issued: Issued, request: Request) -> object:
    verdict = asdict(store.verify(issued.secret, request))
    return {name: value for name, value in verdict.items() if name not in ("key_id", "message")}


def _act_without_id(
    act: Callable[[BaseKeyStore, Issued], KeyStatus], issued: Issued, store: BaseKeyStore
) -> object:
    return _without_id(act(store, issued))


def _details_and_history(key_id: str, store: BaseKeyStore) -> object:
    return store.details(key_id), store.history(key_id)


def _listed(state: KeyState | None, store: BaseKeyStore) -> object:
    return sorted(_without_id(key.status) for key in store.list(state).keys)


def _without_id(status: KeyStatus) -> tuple[str, ...]:
    return (str(status.state), status.case_id, status.reason, str(status.expires_ms))


def _outcome(store: BaseKeyStore, act: Callable[[BaseKeyStore], object]) -> object:
    try:
        return act(store)
    except KeywatchError as error:
        return type(error), error.reason


@pytest.mark.parametrize(
    ("kind", "examples"),
    [
        pytest.param("redis", 40, marks=pytest.mark.redis),
        pytest.param("cluster", 15, marks=pytest.mark.cluster),
    ],
)
def test_the_store_and_the_double_agree(store_server: Callable[[str], str], kind: str, examples: int) -> None:
    slow = [HealthCheck.too_slow]
    with connect(store_server(kind)) as client:
        BothStores.client = client
        run_state_machine_as_test(
            BothStores,
            settings=settings(
                max_examples=examples, stateful_step_count=25, deadline=None, suppress_health_check=slow
            ),
        )
