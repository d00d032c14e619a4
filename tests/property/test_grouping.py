"""However findings come, and however often: what belongs together is one incident, told once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerting.notifiers.once import Once
from domain.finding import Finding, Kind
from domain.incident import Incident, Scope
from domain.ports import Alert
from monitor.connect import connect_redis
from tests.alerts import finding
from tests.office import Heard, Replica, finding_id, replica


@dataclass(frozen=True)
class Seen:
    """One finding of a stream, and how long after the one before it comes."""

    number: int
    key: int
    network: int
    tenant: int
    kind: Kind
    risk: float
    after_s: int

    def finding(self) -> Finding:
        return finding(
            key_id=f"key_{self.key}",
            tenant=f"tenant_{self.tenant}" if self.tenant else "",
            id=finding_id(f"{self.number}"),
            network=f"198.18.{self.network}.0/24" if self.network else "",
            kind=self.kind,
            risk=self.risk,
        )


def streams(keys: int = 6, networks: int = 4, tenants: int = 3) -> st.SearchStrategy[list[Seen]]:
    """Up to 25 findings on few keys, so that they meet."""
    one = st.tuples(
        st.integers(0, keys - 1),
        st.integers(0, networks - 1),
        st.integers(0, tenants - 1),
        st.sampled_from([Kind.ORIGIN, Kind.VOLUME]),
        st.sampled_from([0.1, 0.6, 0.97]),
        st.sampled_from([0, 1, 600, 3_599, 3_600]),
    )
    return st.lists(one, min_size=1, max_size=25).map(
        lambda found: [Seen(number, *values) for number, values in enumerate(found)]
    )


def told(office: Replica, seen: Seen) -> None:
    office.stores.clock.advance(seen.after_s)
    office.find(seen.finding())
    office.deliver()


def with_ear(client: object = None) -> tuple[Replica, Heard]:
    """A replica whose messages are counted behind the book, as in production."""
    ear = Heard()
    office = replica(client)
    office.notifiers["ear"] = Once(ear, office.stores.book, office.stores.clock)
    return office, ear


def incidents(office: Replica) -> list[Incident]:
    return list(office.stores.incidents.page(limit=1000).incidents)


def members(office: Replica) -> list[tuple[str, ...]]:
    """The cases of each incident."""
    return [tuple(office.stores.incidents.members(i.id, 0, 1000)) for i in incidents(office)]


@given(stream=streams())
def test_every_case_is_in_the_one_incident_that_it_names(stream: list[Seen]) -> None:
    office, _ = with_ear()
    for seen in stream:
        told(office, seen)
    listed = [case_id for incident in members(office) for case_id in incident]
    cases = office.stores.cases.list(limit=1000)
    assert sorted(listed) == sorted(case.id for case in cases)
    for incident in incidents(office):
        found = office.stores.cases.many(office.stores.incidents.members(incident.id, 0, 1000))
        assert {case.incident_id for case in found} == {incident.id}
        assert incident.open == incident.cases == len(found)
        assert incident.rank == max(case.decision.action.rank for case in found)


@given(
    order=st.permutations(range(30)),
    again=st.lists(st.integers(0, 29), max_size=10),
    pause_s=st.integers(0, 100),
)
@settings(max_examples=20)
def test_all_keys_from_one_address_are_one_incident_and_one_message(
    order: list[int], again: list[int], pause_s: int
) -> None:
    office, ear = with_ear()
    for number in [*order, *again]:
        told(office, Seen(number, number, 1, number, Kind.ORIGIN, 0.6, pause_s))
    (incident,) = incidents(office)
    assert (incident.scope, incident.name) == (Scope.NETWORK, "198.18.1.0/24")
    assert incident.cases == 30
    loud = {alert.incident.told_ms for alert in ear.alerts if alert.incident}
    hour_s = 3_600
    assert len(ear.alerts) == len(loud) <= 1 + pause_s * (len(order) + len(again)) // hour_s


@given(stream=streams())
def test_keys_that_share_nothing_are_never_together(stream: list[Seen]) -> None:
    office, _ = with_ear()
    for seen in stream:
        apart = Seen(seen.number, seen.key, seen.key + 1, seen.key + 1, seen.kind, seen.risk, seen.after_s)
        told(office, apart)
    assert all(len(cases) == 1 for cases in members(office))


@given(stream=streams(), again=st.lists(st.integers(0, 24), max_size=10))
def test_what_comes_again_changes_nothing_and_makes_no_sound(stream: list[Seen], again: list[int]) -> None:
    office, ear = with_ear()
    for seen in stream:
        told(office, seen)
    before = (incidents(office), office.stores.cases.list(limit=1000), len(ear.messages))
    for number in again:
        repeated = stream[number % len(stream)]
        office.find(repeated.finding())
        office.deliver()
    assert (incidents(office), office.stores.cases.list(limit=1000), len(ear.messages)) == before


@given(stream=streams())
def test_a_message_makes_a_sound_only_when_it_is_first_worse_or_long_ago(stream: list[Seen]) -> None:
    office, ear = with_ear()
    for seen in stream:
        told(office, seen)
    by_incident: dict[str, list[Alert]] = {}
    for alert in ear.alerts:
        by_incident.setdefault(alert.id, []).append(alert)
    assert set(by_incident) == {incident.id for incident in incidents(office)}
    for alerts in by_incident.values():
        sounds = [(a.incident.told_ms, a.incident.told_rank) for a in alerts if a.incident]
        for (earlier_ms, earlier), (later_ms, later) in pairwise(sounds):
            assert later > earlier or later_ms - earlier_ms >= 3_600_000


@pytest.mark.redis
def test_redis_groups_as_the_double_does(empty_store: Callable[[str], str]) -> None:
    client = connect_redis(empty_store("redis"))

    @given(stream=streams())
    @settings(max_examples=25, deadline=None)
    def both(stream: list[Seen]) -> None:
        client.flushall()
        (real, _), (double, _) = with_ear(client), with_ear()
        for seen in stream:
            told(real, seen)
            told(double, seen)
        assert incidents(real) == incidents(double)
        assert members(real) == members(double)
        assert real.stores.cases.list(limit=1000) == double.stores.cases.list(limit=1000)

    both()
    client.close()
