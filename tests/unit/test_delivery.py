"""Alerts arrive, or somebody knows that they do not."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from alerting.delivery.digest import Digest
from alerting.delivery.errands import OwnerEvent, TellOwner
from alerting.delivery.heartbeat import UrlHeartbeat
from alerting.delivery.routes import Route, Routes
from alerting.delivery.worker import BACKOFF_MAX_MS
from alerting.notifiers.once import Once
from domain.case import Verdict
from domain.clock import ManualClock
from domain.desk import DeliveryState
from domain.errors import Fatal, Reason, Refused, Transient
from domain.incident import Severity
from domain.notice import Notice
from domain.ports import KeyState
from domain.secret import Secret
from keystore.hashing import Peppers
from keystore.memory_store import MemoryKeyStore
from monitor.delivery_watch import DeliveryWatch
from monitor.owner_notices import OwnerNotices
from tests.alerts import finding
from tests.office import Heard, Replica, Stores, finding_id, policy, replica

AWAY = Transient(Reason.UNREACHABLE, "no network")


def two(**routes: Any) -> tuple[Replica, Heard, Heard]:
    """A replica with a first channel and a second one."""
    first, second = Heard("first"), Heard("second")
    office = replica(
        notifiers={"first": first, "second": second},
        routes=Routes(["first"], fallback=["second"], **routes),
    )
    return office, first, second


# -- what fails --------------------------------------------------------------------------------------


def test_what_fails_comes_again_later_and_later_until_it_arrives() -> None:
    office = replica(policy=policy(remind={"after_minutes": []}))
    first = office.ear
    first.error = AWAY
    office.find(finding())
    waits = []
    for _ in range(12):
        waited = 0
        while not office.deliver(1 if waited else 0):
            waited += 1
        waits.append(waited)
    assert waits == sorted(waits)
    assert waits[-1] <= BACKOFF_MAX_MS // 1000 * 1.5
    first.error = None
    office.deliver(2 * BACKOFF_MAX_MS // 1000)
    assert len(first.alerts) == 1


def test_what_the_other_side_asks_to_wait_is_waited() -> None:
    office, first, _ = two()
    first.error = Transient(Reason.THROTTLED, "slow down", 90.0)
    office.find(finding())
    office.deliver()
    first.error = None
    office.deliver(89)
    assert first.alerts == []
    office.deliver(1)
    assert len(first.alerts) == 1


@pytest.mark.parametrize(
    "error", [AWAY, Refused(Reason.NOT_FOUND, "no channel"), Fatal(Reason.CREDENTIALS, "no")]
)
def test_the_second_channel_hears_what_the_first_does_not_take_and_why(error: Exception) -> None:
    office, first, second = two()
    first.error = error
    office.find(finding())
    office.deliver()
    office.deliver(10)
    office.deliver(10)
    (alert,) = second.alerts
    assert f"first: {error}" in alert.failing
    assert {note[0] for note in office.noted} == {"not_delivered"}


def test_one_failing_destination_keeps_no_other_from_being_told() -> None:
    first, second = Heard("first"), Heard("second")
    office = replica(notifiers={"first": first, "second": second})
    first.error = AWAY
    office.find(finding())
    office.deliver()
    assert len(second.alerts) == 1


def test_a_name_that_is_no_destination_is_a_failure_and_not_silence() -> None:
    office, _, second = two(routes=[Route(to=["gone"])])
    office.find(finding())
    office.deliver()
    assert len(second.alerts) == 1
    assert "gone" in office.health.failing()


def test_what_cannot_be_told_for_a_day_is_given_up_loudly() -> None:
    office, first, _ = two()
    first.error = AWAY
    office.find(finding())
    office.deliver()
    office.deliver(86_400)
    assert ("given_up", "first", "no network") in office.noted
    office.deliver(86_400)
    assert office.stores.work.backlog(office.desk.now_ms()).waiting == 0


# -- health ------------------------------------------------------------------------------------------


def test_health_is_degraded_at_once_failing_after_minutes_and_ok_again() -> None:
    office = replica(policy=policy(remind={"after_minutes": []}))
    first = office.ear
    assert office.health.report().state is DeliveryState.OK
    assert office.health.wrong() == ""
    first.error = AWAY
    office.find(finding())
    office.deliver()
    report = office.health.report()
    assert report.state is DeliveryState.DEGRADED
    assert report.destinations["ear"].failed == 1
    assert report.destinations["ear"].failing_since_ms == office.desk.now_ms()
    assert "ear: no network" in office.health.wrong()
    office.deliver(301)
    assert office.health.report().state is DeliveryState.FAILING
    assert office.health.report().oldest_s == 301
    first.error = None
    office.deliver(2 * BACKOFF_MAX_MS // 1000)
    report = office.health.report()
    assert report.state is DeliveryState.OK
    assert (report.destinations["ear"].delivered, report.oldest_s, report.waiting) == (1, 0.0, 0)


def test_metrics_show_whether_alerts_arrive() -> None:
    office, first, _ = two()
    watch = DeliveryWatch(office.health)
    assert list(watch.samples()) == []
    first.error = AWAY
    office.find(finding())
    office.deliver()
    office.stores.clock.advance(400)
    watch.look()
    seen = {(metric.name, labels): value for metric, labels, value in watch.samples()}
    assert seen["keywatch_oldest_message_seconds", ()] == 400
    assert seen["keywatch_delivery_state", ("failing",)] == 1
    assert seen["keywatch_delivery_state", ("ok",)] == 0


def test_messages_that_no_worker_takes_are_seen() -> None:
    office, _, _ = two()
    office.find(finding())
    office.stores.clock.advance(61)
    report = office.health.report()
    assert (report.state, report.waiting, report.oldest_s) == (DeliveryState.DEGRADED, 1, 61.0)


def test_the_heartbeat_stops_while_alerts_do_not_arrive() -> None:
    calls: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        calls.append(str(request.url))
        return httpx.Response(200 if len(calls) < 2 else 503)

    office, first, _ = two()
    url = Secret("https://hc.example/secret")
    heart = UrlHeartbeat(url, office.health.wrong, transport=httpx.MockTransport(answer))
    assert heart.beat()
    first.error = AWAY
    office.find(finding())
    office.deliver()
    assert not heart.beat()
    assert len(calls) == 1
    first.error = None
    office.deliver(10)
    with pytest.raises(Refused) as refused:
        heart.beat()
    assert "secret" not in str(refused.value)


# -- who is told -------------------------------------------------------------------------------------


def test_the_first_route_that_matches_decides() -> None:
    routes = Routes(
        ["default"],
        [
            Route(to=["pager"], severity=Severity.CRITICAL, go_on=True),
            Route(to=["payments"], tenant="pay_*"),
            Route(to=["ci"], key="ci_*", severity=Severity.WARNING),
        ],
    )
    assert routes.to(Severity.CRITICAL, "pay_eu", "key") == ["pager", "payments"]
    assert routes.to(Severity.WARNING, "pay_eu", "key") == ["payments"]
    assert routes.to(Severity.CRITICAL, "acme", "key") == ["pager"]
    assert routes.to(Severity.WARNING, "acme", "ci_1") == ["ci"]
    assert routes.to(Severity.INFO, "acme", "ci_1") == ["default"]


def test_an_incident_that_becomes_critical_reaches_those_who_want_only_that() -> None:
    low, pager = Heard("low"), Heard("pager")
    routes = [Route(to=["pager"], severity=Severity.CRITICAL, go_on=True), Route(to=["low"])]
    office = replica(notifiers={"low": low, "pager": pager}, routes=Routes(["low"], routes))
    office.find(finding(id=finding_id("1"), risk=0.6))
    office.deliver()
    assert (len(low.alerts), len(pager.alerts)) == (1, 0)
    office.find(finding(id=finding_id("2"), risk=0.97))
    office.deliver()
    assert len(pager.alerts) == 1


def test_escalation_reaches_the_second_line() -> None:
    office, first, second = two(escalate=["second"])
    office.find(finding())
    office.deliver()
    office.deliver(15 * 60)
    assert second.messages == []
    office.deliver(45 * 60)
    assert {type(message).__name__ for message in second.messages} == {"Alert", "Reminder"}
    assert len(first.messages) >= 3


class Owner:
    """Takes notices to owners down."""

    def __init__(self) -> None:
        self.told: list[tuple[OwnerEvent, str]] = []
        self.error: Exception | None = None

    def tell(self, errand: TellOwner) -> None:
        if self.error:
            raise self.error
        self.told.append((errand.event, errand.why))


@pytest.mark.parametrize(
    ("verdict", "revoke", "event"),
    [
        (Verdict.REINSTATE, False, OwnerEvent.REINSTATED),
        (Verdict.FALSE_POSITIVE, False, OwnerEvent.REINSTATED),
        (Verdict.CONFIRM, True, OwnerEvent.REVOKED),
        (Verdict.CONFIRM, False, None),
    ],
)
def test_owners_hear_why_their_key_stopped_and_what_became_of_it(
    verdict: Verdict, revoke: bool, event: OwnerEvent | None
) -> None:
    owner = Owner()
    office = replica(owners={"email": owner})
    case = office.find(finding())[0].case
    assert case is not None
    office.deliver()
    assert owner.told == [(OwnerEvent.SUSPENDED, "risk 0.97 from origin 24 bits")]
    office.review.give(case.id, verdict, "ada", "because", revoke=revoke)
    office.deliver()
    assert owner.told[1:] == ([(event, "because")] if event else [])
    expected = KeyState.REVOKED if revoke else KeyState.SUSPENDED
    if verdict is Verdict.CONFIRM:
        assert office.stores.keys.describe("key_victim").state is expected


def test_owners_hear_ahead_of_the_end_of_a_key_and_of_its_successor() -> None:
    owner = Owner()
    office = replica(owners={"email": owner})
    keys = MemoryKeyStore(office.stores.clock, Peppers.generate())
    key = keys.issue("acme", "ops@acme.example", "ci", expires_s=40 * 86_400)
    for days in (10, 23, 6):
        office.stores.clock.advance(days * 86_400)
        keys.tell_owners(OwnerNotices(office.dispatch))
        keys.tell_owners(OwnerNotices(office.dispatch))
        office.deliver()
    assert [event for event, _ in owner.told] == 3 * [OwnerEvent.EXPIRES]
    assert [why.split(", on")[0] for _, why in owner.told] == [
        f"its life (ci) ends within {days}" for days in ("30 days", "7 days", "1 day")
    ]
    successor = keys.rotate(key.key_id, "ada", grace_s=3600)
    keys.tell_owners(OwnerNotices(office.dispatch))
    office.deliver()
    event, why = owner.told[-1]
    assert event is OwnerEvent.ROTATED
    assert successor.key_id in why


def test_owners_hear_nothing_of_dry_runs_and_alerts() -> None:
    owner = Owner()
    office = replica(owners={"email": owner}, policy=policy(suspend="dry-run"))
    office.find(finding(), finding(id=finding_id("2"), key_id="key_b", risk=0.6))
    office.deliver()
    assert owner.told == []


def test_an_owner_without_an_address_is_nobodys_failure_but_a_bad_login_is() -> None:
    owner = Owner()
    office = replica(owners={"email": owner})
    owner.error = Refused(Reason.NOT_FOUND, "no mail address")
    office.find(finding())
    office.deliver()
    assert office.health.failing() == ""
    owner.error = Fatal(Reason.CREDENTIALS, "smtp refused our login")
    office.find(finding(id=finding_id("2"), key_id="key_b"))
    office.deliver()
    assert "owner-email: smtp refused our login" in office.health.failing()


# -- once --------------------------------------------------------------------------------------------


def test_channels_that_cannot_edit_hear_of_each_sound_and_of_the_end_once() -> None:
    ear, stores = Heard(), Stores(ManualClock(1_780_000_000))
    office = replica(stores=stores, notifiers={"ear": Once(ear, stores.book, stores.clock)})
    case = office.find(finding(id=finding_id("1"), risk=0.6))[0].case
    assert case is not None
    for number in range(2, 5):
        office.find(finding(id=finding_id(str(number)), risk=0.6))
        office.deliver(60)
    assert len(ear.alerts) == 1
    office.find(finding(id=finding_id("9"), risk=0.97))
    office.deliver()
    assert len(ear.alerts) == 2
    office.review.give(case.id, Verdict.REINSTATE, "ada", "office")
    office.deliver(60)
    office.deliver(60)
    assert [alert.incident.over for alert in ear.alerts if alert.incident] == [False, False, True]


def test_a_notice_is_told_once_whoever_raises_it() -> None:
    ear, stores = Heard(), Stores(ManualClock(1_780_000_000))
    offices = [
        replica(stores=stores, notifiers={"ear": Once(ear, stores.book, stores.clock)}) for _ in range(3)
    ]
    for number, office in enumerate(offices):
        office.dispatch.notice(Notice(id="digest", title="same", lines=[str(number)]))
        office.deliver()
    assert len(ear.messages) == 1


# -- digest ------------------------------------------------------------------------------------------


def test_the_digest_comes_once_at_its_hour_and_tells_what_happened() -> None:
    office = replica(clock=ManualClock(1_780_012_700.0))  # 2026-05-28 23:58:20 UTC
    stores = office.stores
    first = office.find(finding())[0].case
    office.find(finding(id=finding_id("2"), key_id="key_b", network="203.0.113.0/24", tenant="beta"))
    assert first is not None
    office.review.give(first.id, Verdict.CONFIRM, "ada", "leaked")
    digest = Digest(
        stores.cases,
        stores.silences,
        stores.memory,
        office.dispatch,
        office.health.wrong,
        lambda: str(stores.audit.head()),
        0,
        stores.clock,
    )
    assert not digest.tell_if_due()
    stores.clock.advance(200)
    assert digest.tell_if_due()
    assert not digest.tell_if_due()
    office.deliver()
    (notice,) = [message for message in office.ear.messages if isinstance(message, Notice)]
    text = "\n".join(notice.lines)
    assert "new cases: 2 (1 confirmed, 1 open); suspended: 2; in dry run: 0" in text
    assert "waiting for a verdict: 1" in text
    assert "right so far: geo_shift 100 % of 1" in text
    assert str(stores.audit.head()) in text
    stores.clock.advance(86_400)
    assert digest.tell_if_due()
