"""Whatever is done to keys in whatever order, Redis and the in-memory double agree.

The double runs the rules in Python, Redis runs them as scripts: this holds the two together.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from domain.clock import ManualClock
from domain.errors import KeywatchError
from domain.ports import KeyState
from domain.secret import Secret
from keystore.base import BaseKeyStore
from keystore.hashing import Peppers
from keystore.memory_store import MemoryKeyStore
from keystore.notices import MemoryOwnerNotice
from keystore.rate import RateLimit
from keystore.redis_store import Client, RedisKeyStore
from keystore.request import Request
from keystore.results import Issued, Verified
from tests.servers import connect

EXTERNAL = ("a{}", "\u212a")
NO_SECRET = Secret("sk_live_none")
GRANT: dict[str, Any] = {
    "scopes": ("GET:/v1/items/**",),
    "networks": ("198.18.0.0/15",),
    "rate": RateLimit(1, 2, 2),
}
MOST_KEYS = 5
cases = st.sampled_from(["case-1", "case-2"])
people = st.sampled_from(["ada", "bob"])
which = st.sampled_from([0, 0, 0, 0, 1, 2, 3, 3, 4, 99])
"""The first issued key, mostly, so that acts meet; external ones; successors; and one that is missing."""
requests = st.builds(
    Request,
    method=st.sampled_from(["GET", "GET", "DELETE"]),
    path=st.sampled_from(["/v1/items/1", "/v1/items/1", "/v1/users"]),
    ip=st.sampled_from(["198.18.3.7", "198.18.3.7", "2001:db8::7"]),
    environment=st.sampled_from(["", "live", "test"]),
)
ends = st.sampled_from([None, -1, 0, 2000, 9000])

Act = Callable[[BaseKeyStore, Issued], object]


class BothStores(RuleBasedStateMachine):
    """Does the same to both and compares the answers.

    Ids and secrets are random, so each store is asked for its own, and they are compared as numbers.
    """

    client: ClassVar[Client]

    @initialize(life=st.sampled_from([None, 4, 86_403]))
    def begin(self, life: int | None) -> None:
        self.clock = ManualClock(1_767_225_600)
        self.peppers = Peppers.generate()
        real = RedisKeyStore(self.client, self.clock, self.peppers, f"t{uuid.uuid4().hex}")
        self.stores: tuple[BaseKeyStore, BaseKeyStore] = (MemoryKeyStore(self.clock, self.peppers), real)
        issued = [store.issue("acme", "ops", "ci", expires_s=life, **GRANT) for store in self.stores]
        self.keys: list[list[Issued]] = [issued]
        for key_id in EXTERNAL:
            for store in self.stores:
                store.import_external(key_id, "acme", "ops")
            self.keys.append([Issued(key_id, NO_SECRET, None)] * 2)

    # -- cases and people ----------------------------------------------------------------------------

    @rule(key=which, case_id=cases, reason=st.text(max_size=5), after=ends)
    def suspend(self, key: int, case_id: str, reason: str, after: int | None) -> None:
        end = None if after is None else self.now_ms() + after
        self.both(key, lambda s, k: s.suspend(k.key_id, case_id=case_id, reason=reason, expires_ms=end))

    @rule(key=which, case_id=cases)
    def reinstate(self, key: int, case_id: str) -> None:
        self.both(key, lambda s, k: s.reinstate(k.key_id, case_id=case_id))

    @rule(key=which, by=people)
    def suspend_manually(self, key: int, by: str) -> None:
        self.both(key, lambda s, k: s.suspend_manually(k.key_id, by, "looked wrong"))

    @rule(key=which, by=people)
    def reinstate_manually(self, key: int, by: str) -> None:
        self.both(key, lambda s, k: s.reinstate_manually(k.key_id, by, "looked right"))

    @rule(key=st.integers(1, 4), by=people)
    def revoke(self, key: int, by: str) -> None:
        self.both(key, lambda s, k: s.revoke(k.key_id, by, "leaked"))

    @rule(key=which, grace_s=st.sampled_from([0, 3, 60]))
    def rotate(self, key: int, grace_s: int) -> None:
        if len(self.keys) <= MOST_KEYS:
            found = self.asked(key, lambda s, k: s.rotate(k.key_id, "ada", "yearly", grace_s))
            made = [new for new in found if isinstance(new, Issued)]
            if made:
                self.keys.append(made)
            self.same(found)

    # -- time and jobs -------------------------------------------------------------------------------

    @rule(seconds=st.sampled_from([0.5, 2, 5]))
    def pass_time(self, seconds: float) -> None:
        self.clock.advance(seconds)

    @rule(key=which, case_id=cases)
    def expire_one(self, key: int, case_id: str) -> None:
        self.both(key, lambda s, k: s.expire_suspension(k.key_id, case_id))

    @rule()
    def expire_all_due(self) -> None:
        self.all(lambda s: [s.expire_suspension(d.key_id, d.case_id) for d in s.due_expiries(self.now_ms())])

    @rule()
    def retire_due(self) -> None:
        self.all(lambda s: s.retire_due())

    @rule()
    def tell_owners(self) -> None:
        self.all(lambda s: s.tell_owners(MemoryOwnerNotice()))

    @rule()
    def change_pepper(self) -> None:
        old, version = self.peppers, self.peppers.current + 1
        self.peppers = Peppers(version, {**old.by_version, version: Peppers.generate().by_version[1]})
        for store in self.stores:
            store.use_peppers(self.peppers)

    # -- requests ------------------------------------------------------------------------------------

    @rule(key=st.sampled_from([0, 0, 3, 4]), request=requests, times=st.integers(1, 3))
    def verify(self, key: int, request: Request, times: int) -> None:
        for _ in range(times):
            self.both(key, lambda s, k: self.verified(s, k, request))

    def verified(self, store: BaseKeyStore, key: Issued, request: Request) -> object:
        """Nobody is let in with a key that is not in a state to be used."""
        answer = store.verify(key.secret, request)
        if isinstance(answer, Verified):
            status = store.describe(key.key_id)
            ran_out = status.expires_ms is not None and status.expires_ms <= self.now_ms()
            assert status.state in (KeyState.ACTIVE, KeyState.RETIRING) or ran_out
        return answer

    # -- comparing -----------------------------------------------------------------------------------

    def teardown(self) -> None:
        """What was done differently on the way shows in records, histories, counts and schedules."""
        if not hasattr(self, "keys"):
            return
        for key in range(len(self.keys)):
            self.both(key, lambda s, k: [s.details(k.key_id), *s.history(k.key_id), *s.usage([k.key_id])])
        self.list_all()
        self.all(lambda s: s.due_expiries(self.now_ms() + 10**6))

    @rule()
    def list_all(self) -> None:
        for state in (None, KeyState.SUSPENDED, KeyState.EXPIRED):
            self.all(lambda s, of=state: [key.status for key in s.list(of).keys])  # type: ignore[misc]

    def now_ms(self) -> int:
        return int(self.clock.now() * 1000)

    def both(self, key: int, act: Act) -> None:
        self.same(self.asked(key, act))

    def asked(self, key: int, act: Act) -> list[object]:
        keys = self.keys[key] if key < len(self.keys) else [Issued("missing", NO_SECRET, None)] * 2
        return [_outcome(act, store, known) for store, known in zip(self.stores, keys, strict=True)]

    def all(self, job: Callable[[BaseKeyStore], Any]) -> None:
        """The order within one millisecond is by random ids, so it is left out."""
        self.same([sorted(self.named(number, job(store))) for number, store in enumerate(self.stores)])

    def same(self, found: list[Any]) -> None:
        double, real = (self.named(number, answer) for number, answer in enumerate(found))
        assert real == double

    def named(self, store: int, answer: Any) -> list[str]:
        """The answer, or each of its items, as text with ids by their number."""
        texts = [repr(item) for item in answer] if isinstance(answer, list) else [repr(answer)]
        for number, keys in enumerate(self.keys):
            texts = [text.replace(repr(keys[store].key_id)[1:-1], f"<key {number}>") for text in texts]
        return texts


def _outcome(act: Act, store: BaseKeyStore, key: Issued) -> object:
    try:
        return act(store, key)
    except KeywatchError as error:
        return type(error), error.reason


@pytest.mark.parametrize(
    ("kind", "examples"),
    [
        pytest.param("redis", 100, marks=pytest.mark.redis),
        pytest.param("cluster", 25, marks=pytest.mark.cluster),
    ],
)
def test_the_store_and_the_double_agree(store_server: Callable[[str], str], kind: str, examples: int) -> None:
    slow = [HealthCheck.too_slow]
    with connect(store_server(kind)) as client:
        BothStores.client = client
        run_state_machine_as_test(
            BothStores,
            settings=settings(
                max_examples=examples, stateful_step_count=50, deadline=None, suppress_health_check=slow
            ),
        )
