"""Cases over every adapter: contained by policy, let go by a reviewer, ended by the clock."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace as replace_field
from pathlib import Path

import pytest
from msgspec.structs import replace

from alerting.policy import load_policy
from alerting.review import Review
from alerting.stages.handling import Handling
from alerting.stages.suspend import Suspend
from domain.case import CaseState, Verdict
from domain.decision import Action, Decision
from domain.errors import Reason, Refused
from domain.finding import Finding
from tests.alerts import alert
from tests.office import Replica, Stores
from tests.vendors.bench import VARIANTS, AdapterBench, bench_for

HOURS = 24
WHO = ("ada", "new office")


@pytest.fixture
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[AdapterBench]:
    with bench_for(request.param, tmp_path) as made:
        yield made


class Office:
    """The alert side, with everything but the vendor in memory."""

    def __init__(self, bench: AdapterBench) -> None:
        policy = replace(load_policy(None), suspend="on", min_baseline_events=0, suspension_hours=HOURS)
        stores = Stores(bench.clock)
        stores.keys = bench.store  # type: ignore[assignment]
        desk = replace_field(Replica(stores, policy).desk, people=bench.store)
        self.contain = Suspend(policy, desk, stores.memory, lambda: 1000)
        self.review = Review(desk)

    def suspend(self, key_id: str) -> Handling:
        decision = Decision(action=Action.SUSPEND, rule="theft", why="risk 0.99")
        return self.contain(Handling(finding(key_id), decision))


def finding(key_id: str) -> Finding:
    return replace(alert().findings[0], key_id=key_id, id=key_id.encode().hex()[:32].zfill(32))


REVERSIBLE = [name for name in VARIANTS if name != "vault"]


@pytest.mark.parametrize("bench", REVERSIBLE, indirect=True)
def test_a_reviewer_lets_a_contained_key_go(bench: AdapterBench) -> None:
    office, key_id = Office(bench), bench.new_key()
    before = bench.record(key_id)
    case = office.suspend(key_id).case
    assert case is not None
    assert case.suspended
    assert bench.stopped(key_id)
    assert office.review.give(case.id, Verdict.REINSTATE, *WHO).state is CaseState.REINSTATED
    assert bench.record(key_id) == before


@pytest.mark.parametrize("bench", REVERSIBLE, indirect=True)
def test_a_suspension_that_nobody_reviews_ends_by_itself(bench: AdapterBench) -> None:
    office, key_id = Office(bench), bench.new_key()
    office.suspend(key_id)
    bench.clock.advance(HOURS * 3600 - 1)
    assert office.review.expire_due() == []
    assert bench.stopped(key_id)
    bench.clock.advance(1)
    (expired,) = office.review.expire_due()
    assert expired.state is CaseState.EXPIRED
    assert not bench.stopped(key_id)


@pytest.mark.parametrize("bench", ["vault"], indirect=True)
def test_where_nothing_can_be_undone_a_person_must_decide(bench: AdapterBench) -> None:
    office, accessor = Office(bench), bench.new_key()
    done = office.suspend(accessor)
    assert done.case is not None
    assert (done.decision.action, done.case.suspended) == (Action.ALERT, False)
    assert "a person must decide" in done.decision.held_back
    assert bench.writes() == 0
    assert not bench.stopped(accessor)


@pytest.mark.parametrize("bench", ["unkey"], indirect=True)
def test_a_key_that_a_person_turned_off_is_not_contained_again(bench: AdapterBench) -> None:
    office, key_id = Office(bench), bench.new_key()
    bench.suspend_as_person(key_id)
    done = office.suspend(key_id)
    assert (done.decision.action, bench.writes()) == (Action.ALERT, 0)
    assert "held by nobody that keywatch knows of" in done.decision.held_back


@pytest.mark.parametrize("bench", REVERSIBLE, indirect=True)
def test_a_confirmed_key_stays_stopped_whatever_case_comes_after(bench: AdapterBench) -> None:
    """Else the next case would take the key over, and its end would start a stolen key."""
    office, key_id = Office(bench), bench.new_key()
    case = office.suspend(key_id).case
    assert case is not None
    assert office.review.give(case.id, Verdict.CONFIRM, *WHO).state is CaseState.CONFIRMED
    bench.clock.advance(HOURS * 3600)
    with pytest.raises(Refused) as caught:
        bench.store.suspend(
            key_id, case_id="next", reason="again", expires_ms=int(bench.clock.now() + 60) * 1000
        )
    assert caught.value.reason is Reason.NOT_OURS
    assert bench.stopped(key_id)


@pytest.mark.parametrize("bench", ["unkey"], indirect=True)
def test_keys_are_not_revoked_where_keywatch_only_suspends(bench: AdapterBench) -> None:
    office, key_id = Office(bench), bench.new_key()
    case = office.suspend(key_id).case
    assert case is not None
    with pytest.raises(Refused, match="cannot revoke a key from here"):
        office.review.give(case.id, Verdict.CONFIRM, *WHO, revoke=True)
    with pytest.raises(Refused, match=r"end key .* there"):
        bench.store.revoke(key_id, "ada", "leaked")


@pytest.mark.parametrize("bench", ["vault"], indirect=True)
def test_a_reviewer_may_revoke_where_nothing_else_can_be_done(bench: AdapterBench) -> None:
    office, accessor = Office(bench), bench.new_key()
    case = office.suspend(accessor).case
    assert case is not None
    assert office.review.give(case.id, Verdict.CONFIRM, *WHO, revoke=True).revoked
    assert bench.stopped(accessor)
