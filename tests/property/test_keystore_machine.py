"""Whatever is done to keys in whatever order, Redis and the in-memory double agree.

The double runs the rules in Python, Redis runs them as a script: this holds the two together.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from domain.clock import ManualClock
from domain.errors import KeywatchError
from domain.ports import KeyState
from keystore.base import BaseKeyStore
from keystore.hashing import Peppers
from keystore.memory_store import MemoryKeyStore
from keystore.notices import MemoryOwnerNotice
from keystore.rate import RateLimit
from keystore.redis_store import Client, RedisKeyStore
from keystore.request import Request
from keystore.results import Issued, Verified
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
issued = st.integers(0, 4)
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

    @initialize(lives=st.lists(st.sampled_from([None, 4, 86_403]), min_size=2, max_size=2))
    def begin(self, lives: list[int | None]) -> None:
        self.clock = ManualClock(1_767_225_600)
        peppers = Peppers.generate()
        real = RedisKeyStore(self.client, self.clock, peppers, f"t{uuid.uuid4().hex}")
        self.stores: tuple[BaseKeyStore, BaseKeyStore] = (MemoryKeyStore(self.clock, peppers), real)
        for store in self.stores:
            store.import_many([(key_id, "acme", "ops") for key_id in KEYS[:2]])
        self.issued: list[tuple[Issued, ...]] = []
        for life in lives:
            self.issued.append(
                tuple(s.issue("acme", "ops", "ci", expires_s=life, **GRANT) for s in self.stores)
            )

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

    @rule(which=issued, case_id=cases, after=ends)
    def suspend_issued(self, which: int, case_id: str, after: int | None) -> None:
        end = None if after is None else int(self.clock.now() * 1000) + after
        self.both_issued(which, lambda s, i: s.suspend(i.key_id, case_id=case_id, reason="", expires_ms=end))

    @rule(which=issued, case_id=cases)
    def reinstate_issued(self, which: int, case_id: str) -> None:
        self.both_issued(which, lambda s, i: s.reinstate(i.key_id, case_id=case_id))

    @rule(which=issued)
    def revoke_issued(self, which: int) -> None:
        self.both_issued(which, lambda s, i: s.revoke(i.key_id, "ada", "leaked"))

    @rule(which=issued, grace_s=st.sampled_from([0, 2, 60]))
    def rotate(self, which: int, grace_s: int) -> None:
        found = [
            _outcome(store, lambda s, i=key: s.rotate(i.key_id, "ada", "yearly", grace_s))  # type: ignore[misc]
            for store, key in zip(self.stores, self._key(which), strict=True)
        ]
        made = tuple(new for new in found if isinstance(new, Issued))
        if made:
            self.issued.append(made)
        self.same(found)

    @rule()
    def retire_due(self) -> None:
        self.same([sorted(self.named(w, store.retire_due())) for w, store in enumerate(self.stores)])

    @rule()
    def tell_owners(self) -> None:
        found = [store.tell_owners(MemoryOwnerNotice()) for store in self.stores]
        self.same([sorted(self.named(which, notices)) for which, notices in enumerate(found)])

    @rule(which=issued, request=requests)
    def verify(self, which: int, request: Request) -> None:
        def asked(store: BaseKeyStore, key: Issued) -> object:
            answer = store.verify(key.secret, request)
            if isinstance(answer, Verified):
                status, now_ms = store.describe(key.key_id), int(self.clock.now() * 1000)
                ran_out = status.expires_ms is not None and status.expires_ms <= now_ms
                assert status.state in (KeyState.ACTIVE, KeyState.RETIRING) or ran_out
            return answer

        self.both_issued(which, asked)

    def both_issued(self, which: int, act: Callable[[BaseKeyStore, Issued], object]) -> None:
        """Ids and secrets are random, so each store is asked for its own."""
        keys = self._key(which)
        self.same(
            [
                _outcome(store, lambda s, i=key: act(s, i))  # type: ignore[misc]
                for store, key in zip(self.stores, keys, strict=True)
            ]
        )

    def _key(self, which: int) -> tuple[Issued, ...]:
        return self.issued[which % len(self.issued)]

    def same(self, found: list[object]) -> None:
        double, real = (self.named(which, answer) for which, answer in enumerate(found))
        assert real == double

    def named(self, which: int, answer: object) -> list[str]:
        """The answer, or each of its items, as text, with the store's random ids by their number."""
        texts = [repr(item) for item in answer] if isinstance(answer, list) else [repr(answer)]
        for number, keys in enumerate(self.issued):
            texts = [text.replace(keys[which].key_id, f"<key {number}>") for text in texts]
        return texts

    @invariant()
    def keys_read_alike(self) -> None:
        for key_id in KEYS[:2]:
            self.both(partial(_details_and_history, key_id))
        for which in range(len(self.issued)):
            self.both_issued(
                which, lambda s, i: (s.details(i.key_id), s.history(i.key_id), s.usage([i.key_id]))
            )

    @invariant()
    def lists_agree(self) -> None:
        for state in (None, KeyState.SUSPENDED, KeyState.EXPIRED):
            found = [[key.status for key in store.list(state).keys] for store in self.stores]
            self.same([sorted(self.named(which, statuses)) for which, statuses in enumerate(found)])

    @invariant()
    def schedules_agree(self) -> None:
        far = int(self.clock.now() * 1000) + 10**6
        self.both(lambda s: sorted((d.due_ms, d.case_id) for d in s.due_expiries(far)))


def _details_and_history(key_id: str, store: BaseKeyStore) -> object:
    return store.details(key_id), store.history(key_id)


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
