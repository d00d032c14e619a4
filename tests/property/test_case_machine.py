"""Whatever people, findings and time do to cases in whatever order: Redis and the double agree, and no case
goes a way that it may not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import ClassVar

import pytest
import redis
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from domain.case import Case, CaseState, Verdict
from domain.clock import ManualClock
from domain.errors import KeywatchError
from domain.ports import CaseQuery, KeyState
from tests.alerts import NOW_MS, finding
from tests.office import Replica, Stores, finding_id, policy, replica
from tests.servers import server

KEYS = ("a{}", "\u212a", "b")
keys = st.sampled_from(KEYS)
people = st.sampled_from(["ada", "bob"])
verdicts = st.sampled_from(list(Verdict))
_AFTER = {
    Verdict.REINSTATE: CaseState.REINSTATED,
    Verdict.FALSE_POSITIVE: CaseState.REINSTATED,
    Verdict.CONFIRM: CaseState.CONFIRMED,
}


class Cases(RuleBasedStateMachine):
    """Does the same on both and compares; the double alone is held to the rules."""

    client: ClassVar[redis.Redis]

    @initialize(two=st.sampled_from([[], ["confirm"], ["confirm", "reinstate", "false_positive"]]))
    def begin(self, two: list[str]) -> None:
        self.client.flushall()
        self.clock = ManualClock(NOW_MS / 1000)
        rules = policy(review={"two_person": two, "case_days": 3, "allowance_days": 1})
        self.two = two
        self.double, self.real = (
            replica(stores=Stores(self.clock, client), policy=rules) for client in (None, self.client)
        )
        self.seen: dict[str, Case] = {}
        self.count = 0

    def both(self, act: Callable[[Replica], object]) -> None:
        double, real = (_outcome(office, act) for office in (self.double, self.real))
        assert real == double

    def cases(self) -> Sequence[Case]:
        """All cases as they stand."""
        return self.double.stores.cases.page(CaseQuery(limit=1000)).cases

    def case_of(self, key: str, number: int) -> str:
        """A case of the key, the newest first; one that never was if there are fewer."""
        found = self.double.stores.cases.page(CaseQuery(key_id=key)).cases
        return found[number].id if number < len(found) else "case_none"

    # -- what happens --------------------------------------------------------------------------------

    @rule(key=keys, risk=st.sampled_from([0.6, 0.97]), detector=st.sampled_from(["volume", "geo_shift"]))
    def find(self, key: str, risk: float, detector: str) -> None:
        self.count += 1
        found = finding(key_id=key, id=finding_id(f"{self.count}"), risk=risk, detector=detector)
        self.both(lambda office: [h.quiet for h in office.find(found)])

    @rule(key=keys, nth=st.integers(0, 1), verdict=verdicts, who=people, revoke=st.booleans())
    def give(self, key: str, nth: int, verdict: Verdict, who: str, revoke: bool) -> None:
        case_id = self.case_of(key, nth)
        self.both(lambda office: office.review.give(case_id, verdict, who, "because", revoke=revoke).state)

    @rule(key=keys, verdict=verdicts, behind=st.integers(0, 1))
    def give_by_version(self, key: str, verdict: Verdict, behind: int) -> None:
        case = self.double.stores.cases.open_for_key(key)
        if case and case.version > behind:
            version = case.version - behind
            self.both(
                lambda office: office.review.give(case.id, verdict, "eve", "because", version=version).state
            )

    @rule(key=keys, nth=st.integers(0, 1), who=people, text=st.sampled_from(["hm", " "]))
    def comment(self, key: str, nth: int, who: str, text: str) -> None:
        case_id = self.case_of(key, nth)
        self.both(lambda office: office.review.comment(case_id, who, text).version)

    @rule(key=keys, who=people)
    def ask_rotation(self, key: str, who: str) -> None:
        case_id = self.case_of(key, 0)
        self.both(lambda office: office.review.ask_rotation(case_id, who, "old").version)

    @rule(key=keys)
    def watch_again(self, key: str) -> None:
        case_id = self.case_of(key, 0)
        self.both(lambda office: office.review.end_allowances(case_id, "ada", "moved").version)

    @rule(hours=st.sampled_from([1, 13, 25, 80]))
    def pass_time(self, hours: int) -> None:
        self.clock.advance(hours * 3600)
        self.both(lambda office: sorted(case.id for case in office.review.expire_due()))

    # -- what must hold ------------------------------------------------------------------------------

    @invariant()
    def both_hold_the_same(self) -> None:
        self.both(lambda office: office.stores.cases.page(CaseQuery(limit=100)))
        self.both(lambda office: office.stores.cases.counts())
        self.both(lambda office: {key: office.stores.cases.precision(key) for key in ("", *KEYS)})
        self.both(lambda office: office.stores.cases.allowing(int(self.clock.now() * 1000)))
        self.both(lambda office: office.stores.incidents.page(limit=100))

    @invariant()
    def no_case_goes_a_forbidden_way(self) -> None:
        cases = self.cases()
        for case in cases:
            before = self.seen.get(case.id)
            if before is not None:
                assert before.state in (CaseState.OPEN, case.state)
                assert case.version >= before.version
                assert case.timeline[: len(before.timeline)] == before.timeline
                assert before.verdict in (None, case.verdict)
            if case.verdict:
                assert case.state is _AFTER[case.verdict]
            assert bool(case.closed_ms) == (case.state is not CaseState.OPEN)
            assert not (case.allowances and case.verdict is not Verdict.FALSE_POSITIVE)
            self.seen[case.id] = case
        for key in KEYS:
            assert sum(c.key_id == key and c.state is CaseState.OPEN for c in cases) <= 1

    @invariant()
    def two_people_stand_behind_a_verdict_that_needs_two(self) -> None:
        for case in self.cases():
            if case.verdict and case.verdict.value in self.two:
                spoke = {note.who for note in case.timeline if case.verdict.value in note.what}
                assert len(spoke) >= 2

    @invariant()
    def keys_are_as_their_cases_say(self) -> None:
        for case in self.cases():
            if case.state is CaseState.OPEN and case.suspended:
                status = self.double.stores.keys.describe(case.key_id)
                assert status.state in (KeyState.SUSPENDED, KeyState.REVOKED)
            if case.revoked:
                assert self.double.stores.keys.describe(case.key_id).state is KeyState.REVOKED

    @invariant()
    def every_verdict_is_in_the_audit_before_it_counts(self) -> None:
        audited = {(entry.case_id, entry.what) for entry in self.double.audited()}
        for case in self.cases():
            if case.verdict:
                assert (case.id, case.verdict.value) in audited


def _outcome(office: Replica, act: Callable[[Replica], object]) -> object:
    try:
        return act(office)
    except KeywatchError as error:
        return type(error), error.reason


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[redis.Redis]:
    with server("redis", tmp_path_factory.mktemp("redis")) as url, redis.Redis.from_url(url) as client:
        yield client


@pytest.mark.redis
def test_cases_keep_their_rules_and_redis_agrees_with_the_double(client: redis.Redis) -> None:
    Cases.client = client
    slow = [HealthCheck.too_slow]
    run_state_machine_as_test(
        Cases,
        settings=settings(max_examples=40, stateful_step_count=20, deadline=None, suppress_health_check=slow),
    )
