"""What each stage makes of a finding, and in which order."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from alerting.review import WAITED_FOR
from alerting.stages.handling import Handling
from domain.case import CaseState, Verdict
from domain.decision import Action
from domain.errors import Reason, Refused, Rejected, Transient
from domain.finding import Finding, Kind
from domain.incident import Scope
from domain.notice import Notice
from domain.picture import KeyPicture
from domain.ports import KeyState, OutboxEntry, Reminder
from domain.silence import Silence
from tests.alerts import NOW_MS, finding
from tests.office import Replica, finding_id, policy, replica

HOUR_MS = 3_600_000
THIEF: dict[str, Any] = {"risk": 0.97}


def found(number: int = 1, **different: Any) -> Finding:
    return finding(id=finding_id(str(number)), **different)


def one(office: Replica, number: int = 1, **different: Any) -> Handling:
    (handling,) = office.find(found(number, **different))
    return handling


def muting(office: Replica, **different: Any) -> Silence:
    now_ms = office.desk.now_ms()
    usual = Silence(id="sil_1", who="ada", why="load test", created_ms=now_ms, until_ms=now_ms + HOUR_MS)
    return office.silencing.add(replace(usual, **different))


# -- order -------------------------------------------------------------------------------------------


def test_the_stages_stand_in_their_order() -> None:
    names = [stage.name for stage in replica().pipeline._stages]
    assert names == ["decide", "suspend", "group", "inhibit", "silence", "dedup", "notify", "record"]


def test_a_key_is_stopped_although_nobody_can_be_told() -> None:
    office = replica()
    office.ear.error = Transient(Reason.UNREACHABLE, "no network")
    one(office)
    office.deliver()
    assert office.stores.keys.describe("key_victim").state is KeyState.SUSPENDED
    assert office.ear.messages == []


def test_without_an_audit_no_key_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    office = replica()

    def fails(**_: str) -> None:
        raise Transient(Reason.UNREACHABLE, "no audit")

    monkeypatch.setattr(office.stores.audit, "write", fails)
    assert office.find(found()) == []
    assert office.stores.keys.describe("key_victim").state is KeyState.ACTIVE
    assert len(office.outbox.waiting) == 1


def test_a_finding_that_no_stage_can_bear_waits_and_stops_no_other() -> None:
    class Broken:
        def picture(self, key_id: str) -> KeyPicture | None:
            if key_id == "key_bad":
                raise ValueError("a bug")
            return None

    office = replica(history=Broken())
    waits: list[Transient] = []
    for number, key_id in enumerate(("key_bad", "key_good")):
        office.stores.keys.import_external(key_id, "acme", "ops")
        entry = found(number, key_id=key_id, network="", tenant="")
        office.outbox.waiting.append(OutboxEntry(entry, entry.id))
    (handled,) = office.pipeline.run_once(0, waits.append)
    assert handled.finding.key_id == "key_good"
    assert [entry.finding.key_id for entry in office.outbox.waiting] == ["key_bad"]
    assert "ValueError: a bug" in str(waits[0])
    assert office.stores.keys.describe("key_bad").state is KeyState.SUSPENDED


def test_the_case_freezes_the_key_as_it_was() -> None:
    class History:
        def picture(self, key_id: str) -> KeyPicture:
            hours = [1.0] * 24
            return KeyPicture(
                at_ms=NOW_MS, first_hour_ms=0, expected=hours, low=hours, high=hours, actual=[None] * 24
            )

    case = one(replica(history=History())).case
    assert case is not None
    assert case.picture is not None
    assert case.picture.at_ms == NOW_MS
    assert case.decision.rule == "stolen key"
    assert [note.what for note in case.timeline] == ["opened", "suspended", "queued for ear"]


def test_a_finding_that_comes_again_after_its_verdict_stops_nobody() -> None:
    office = replica()
    case = one(office).case
    assert case is not None
    office.review.give(case.id, Verdict.REINSTATE, "ada", "new office")
    again = one(office)
    assert again.quiet == f"it came again, and {case.id} is reinstated by now"
    assert office.stores.keys.describe("key_victim").state is KeyState.ACTIVE
    assert len(office.stores.cases.list()) == 1


def test_dry_run_opens_a_case_and_says_so() -> None:
    office = replica(policy=policy(suspend="dry-run"))
    handling = one(office)
    office.deliver()
    assert office.stores.keys.describe("key_victim").state is KeyState.ACTIVE
    assert handling.decision.dry_run
    assert "dry run" in office.ear.alerts[0].decision.held_back


# -- allowances --------------------------------------------------------------------------------------


def test_a_false_positive_lets_the_same_pass_and_nothing_else() -> None:
    office = replica()
    case = one(office).case
    assert case is not None
    closed = office.review.give(case.id, Verdict.FALSE_POSITIVE, "ada", "new office")
    assert [a.words() for a in closed.allowances] == ["origin findings from country RU, operator AS64500"]
    same = one(office, 2)
    assert same.decision.action is Action.OBSERVE
    assert case.id in same.decision.why
    assert one(office, 3, asn=64999).decision.action is Action.SUSPEND
    assert one(office, 4, kind=Kind.VOLUME).decision.action is Action.SUSPEND
    assert one(office, 5, key_id="key_other").decision.action is Action.SUSPEND


def test_an_allowance_ends_by_itself_or_when_somebody_ends_it() -> None:
    office = replica(policy=policy(review={"allowance_days": 1}))
    case = one(office).case
    assert case is not None
    office.review.give(case.id, Verdict.FALSE_POSITIVE, "ada", "new office")
    office.stores.clock.advance(86_399)
    assert one(office, 2).quiet
    office.stores.clock.advance(2)
    reopened = one(office, 3).case
    assert reopened is not None
    office.review.give(reopened.id, Verdict.FALSE_POSITIVE, "ada", "really")
    assert one(office, 4).quiet
    office.review.end_allowances(reopened.id, "bob", "they moved out")
    assert not one(office, 5).quiet
    with pytest.raises(Refused):
        office.review.end_allowances(reopened.id, "bob", "again")


def test_others_hear_of_an_allowance_and_of_silences() -> None:
    office = replica()
    case = one(office).case
    assert case is not None
    office.review.give(case.id, Verdict.FALSE_POSITIVE, "ada", "new office")
    silence = muting(office, tenant="acme")
    changed = office.silencing.change(replace(silence, tenant="*"), "bob", "more")
    office.silencing.change(replace(changed, tenant="acme"), "bob", "less")
    office.silencing.end(silence.id, "bob", "over")
    office.deliver(60)
    titles = [message.title for message in office.ear.messages if isinstance(message, Notice)]
    assert titles == [
        "ada called alerts on key key_victim false: such findings now pass",
        "ada has silenced alerts",
        "bob has widened a silence",
    ]


# -- silences and inhibition -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("scope", "mutes"),
    [
        ({}, True),
        ({"key": "key_*"}, True),
        ({"key": "other_*"}, False),
        ({"tenant": "acme", "detector": "geo_*"}, True),
        ({"kind": "volume"}, False),
        ({"network": "198.18.0.0/16"}, True),
        ({"network": "198.19.0.0/16"}, False),
        ({"network": "198.18.*"}, True),
    ],
)
def test_a_silence_mutes_what_is_inside_its_scope(scope: dict[str, str], mutes: bool) -> None:
    office = replica()
    muting(office, **scope)
    handling = one(office, risk=0.6)
    assert bool(handling.quiet) is mutes
    assert handling.case is not None


def test_a_silence_ends() -> None:
    office = replica()
    muting(office)
    assert one(office, 1, risk=0.6).quiet == "silenced by ada (sil_1): load test"
    office.stores.clock.advance(3600)
    assert not one(office, 2, risk=0.6).quiet


@pytest.mark.parametrize("suspensions", [False, True])
def test_a_suspension_is_told_unless_the_silence_says_otherwise(suspensions: bool) -> None:
    office = replica()
    muting(office, suspensions=suspensions)
    handling = one(office, **THIEF)
    assert office.stores.keys.describe("key_victim").state is KeyState.SUSPENDED
    assert bool(handling.quiet) is suspensions


def test_a_silence_needs_a_reason_an_end_and_a_bound() -> None:
    office = replica(policy=policy(review={"silence_max_days": 2}))
    now_ms = office.desk.now_ms()
    with pytest.raises(Rejected):
        muting(office, why=" ")
    with pytest.raises(Rejected):
        muting(office, until_ms=now_ms)
    with pytest.raises(Rejected):
        muting(office, until_ms=now_ms + 49 * HOUR_MS)
    assert office.stores.silences.active(now_ms) == []
    silence = muting(office)
    with pytest.raises(Refused):
        office.silencing.change(replace(silence, version=7), "bob", "stale")


def test_a_lesser_finding_is_not_told_beside_a_greater_one() -> None:
    rule = {
        "name": "proof",
        "source": {"kinds_any": ["certain"]},
        "target": {},
        "equal": ["network"],
    }
    office = replica(policy=policy(inhibit=[rule], group={"by": []}))
    proof: dict[str, Any] = {"contributions": {"certain": 40.0}, "kind": Kind.CERTAIN, "risk": 0.6}
    assert not one(office, 1, key_id="key_a", **proof).quiet
    assert one(office, 2, key_id="key_b", risk=0.6).quiet.startswith("inhibited by 'proof'")
    assert not one(office, 3, key_id="key_c", network="203.0.113.0/24", risk=0.6).quiet
    assert not one(office, 4, key_id="key_d", **proof).quiet
    office.stores.clock.advance(3_600)
    assert not one(office, 5, key_id="key_e", risk=0.6).quiet


# -- grouping and sounds -----------------------------------------------------------------------------


def test_keys_of_one_tenant_are_together_by_kind() -> None:
    office = replica()
    first = one(office, 1, key_id="key_a", network="198.18.1.0/24")
    second = one(office, 2, key_id="key_b", network="198.18.2.0/24")
    third = one(office, 3, key_id="key_c", network="198.18.3.0/24", kind=Kind.VOLUME)
    assert first.incident is not None
    assert second.incident is not None
    assert third.incident is not None
    assert second.incident.id == first.incident.id
    assert (second.incident.scope, second.incident.name) == (Scope.TENANT, "acme")
    assert third.incident.id != first.incident.id


@pytest.mark.parametrize("by", [[], ["network"]])
def test_policy_says_what_groups(by: list[str]) -> None:
    office = replica(policy=policy(group={"by": by}))
    for number in range(3):
        one(office, number, key_id=f"key_{number}")
    assert len(office.stores.incidents.page().incidents) == (1 if by else 3)


def test_an_incident_that_is_over_takes_in_nothing_more() -> None:
    office = replica()
    first = one(office).case
    assert first is not None
    office.review.give(first.id, Verdict.CONFIRM, "ada", "leaked")
    assert office.stores.incidents.get(first.incident_id).over
    second = one(office, 2, key_id="key_b").case
    assert second is not None
    assert second.incident_id != first.incident_id


def test_each_sound_has_its_reason() -> None:
    office = replica()
    assert one(office, 1, risk=0.6).because == "first message"
    assert one(office, 2, risk=0.6).because == "told already, and it has not become worse"
    assert one(office, 3, **THIEF).because == "became worse: alert, now suspend"
    assert one(office, 4, **THIEF).because == "told already, and it has not become worse"
    office.stores.clock.advance(3_600)
    assert one(office, 5, **THIEF).because == "still going on after 60 minutes"
    assert one(office, 5, **THIEF).because == "it came again"


# -- reminders ---------------------------------------------------------------------------------------


def reminders(office: Replica) -> list[tuple[int, bool]]:
    return [(m.minutes, m.escalated) for m in office.ear.messages if isinstance(m, Reminder)]


def test_people_are_reminded_and_the_last_reminder_escalates() -> None:
    office = replica()
    one(office)
    office.deliver()
    office.deliver(14 * 60)
    assert reminders(office) == []
    office.deliver(61)
    office.deliver(45 * 60)
    assert reminders(office) == [(15, False), (60, True)]
    office.deliver(10 * 3600)
    assert len(reminders(office)) == 2


@pytest.mark.parametrize("act", ["comment", "verdict", "rotation"])
def test_who_acts_is_not_reminded(act: str) -> None:
    office = replica()
    case = one(office).case
    assert case is not None
    office.deliver()
    if act == "comment":
        office.review.comment(case.id, "ada", "looking")
    elif act == "rotation":
        office.review.ask_rotation(case.id, "ada", "to be safe")
    else:
        office.review.give(case.id, Verdict.CONFIRM, "ada", "leaked")
    office.deliver(3600)
    assert reminders(office) == []


def test_a_mere_alert_reminds_nobody_unless_policy_says_so() -> None:
    quiet, loud = replica(), replica(policy=policy(remind={"severity": "warning", "after_minutes": [5]}))
    for office in (quiet, loud):
        one(office, risk=0.6)
        office.deliver()
        office.deliver(301)
    assert reminders(quiet) == []
    assert reminders(loud) == [(5, True)]


def test_rules_that_change_hold_from_then_on() -> None:
    office = replica()
    first, second = one(office, 1).case, one(office, 2, key_id="key_2", network="", tenant="other").case
    assert first is not None
    assert second is not None
    office.deliver()
    changed = policy(review={"two_person": ["confirm"]}, remind={"after_minutes": [5]})
    office.rules.review, office.rules.remind = changed.review, changed.remind
    assert office.review.give(first.id, Verdict.CONFIRM, "ada", "leaked").state is CaseState.OPEN
    office.deliver(15 * 60)
    office.deliver(60 * 60)
    assert reminders(office) == [(5, True)]  # the one that waited; the second is gone


# -- verdicts ----------------------------------------------------------------------------------------


def test_a_confirmed_key_stays_stopped_past_the_end_of_its_suspension() -> None:
    office = replica()
    case = one(office).case
    assert case is not None
    office.review.give(case.id, Verdict.CONFIRM, "ada", "leaked")
    office.stores.clock.advance(30 * 86_400)
    assert office.review.expire_due() == []
    status = office.stores.keys.describe("key_victim")
    assert status.state is KeyState.SUSPENDED
    assert status.expires_ms is None


def test_a_case_that_nobody_judges_expires_and_gives_the_key_back() -> None:
    office = replica()
    case = one(office).case
    assert case is not None
    office.stores.clock.advance(24 * 3600)
    (expired,) = office.review.expire_due()
    assert expired.state is CaseState.EXPIRED
    assert expired.verdict is None
    assert office.stores.keys.describe("key_victim").state is KeyState.ACTIVE
    assert office.stores.incidents.get(case.incident_id).over


def test_a_store_that_does_not_answer_for_one_key_holds_up_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    office = replica()
    for number in range(6):
        one(office, number, key_id=f"key_{number}", network=f"198.18.{number}.0/24", tenant=f"t{number}")
    keys = office.stores.keys
    reinstate = keys.reinstate

    def failing(key_id: str, *, case_id: str) -> Any:
        if key_id in ("key_0", "key_4"):
            raise Transient(Reason.TIMEOUT, "the vendor did not answer", 7.0)
        return reinstate(key_id, case_id=case_id)

    monkeypatch.setattr(keys, "reinstate", failing)
    office.stores.clock.advance(24 * 3600 + 1)
    with pytest.raises(Transient, match=r"4 of 6 suspensions ended.*did not answer") as caught:
        office.review.expire_due()
    assert caught.value.retry_after_s == 7.0
    states = {n: keys.describe(f"key_{n}").state for n in range(6)}
    assert [n for n, state in states.items() if state is KeyState.SUSPENDED] == [0, 4]
    monkeypatch.undo()
    assert len(office.review.expire_due()) == 2


def test_a_round_ends_when_no_store_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    office = replica()
    for number in range(WAITED_FOR + 5):
        one(office, number, key_id=f"key_{number}")
    asked: list[str] = []

    def away(key_id: str, *, case_id: str) -> Any:
        asked.append(key_id)
        raise Transient(Reason.TIMEOUT, "the vendor did not answer")

    monkeypatch.setattr(office.stores.keys, "reinstate", away)
    office.stores.clock.advance(24 * 3600 + 1)
    for _ in range(5):
        office.stores.clock.advance(30)
        with pytest.raises(Transient):
            office.review.expire_due()
    assert len(asked) == 5 * WAITED_FOR
    assert len(set(asked)) == WAITED_FOR + 5


def test_a_key_that_a_person_stopped_stays_so_and_the_case_closes_all_the_same() -> None:
    office = replica()
    case = one(office).case
    assert case is not None
    office.stores.keys.suspend_manually("key_victim", "carol", "mine")
    closed = office.review.give(case.id, Verdict.REINSTATE, "ada", "office")
    assert closed.state is CaseState.REINSTATED
    assert "key store" in closed.timeline[-1].why
    assert office.stores.keys.describe("key_victim").state is KeyState.SUSPENDED


def test_what_failed_in_the_key_store_goes_on_where_it_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    office = replica()
    case = one(office).case
    assert case is not None
    reinstate = office.stores.keys.reinstate

    def fails(key_id: str, *, case_id: str) -> None:
        raise Transient(Reason.TIMEOUT, "no answer")

    monkeypatch.setattr(office.stores.keys, "reinstate", fails)
    with pytest.raises(Transient):
        office.review.give(case.id, Verdict.REINSTATE, "ada", "office")
    with pytest.raises(Refused) as busy:
        office.review.give(case.id, Verdict.CONFIRM, "bob", "leaked")
    assert "ada is just deciding" in str(busy.value)
    monkeypatch.setattr(office.stores.keys, "reinstate", reinstate)
    assert office.review.give(case.id, Verdict.REINSTATE, "ada", "office").state is CaseState.REINSTATED


def test_a_verdict_that_was_left_half_done_may_be_overruled_after_a_minute(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    office = replica()
    case = one(office).case
    assert case is not None

    def fails(key_id: str, *, case_id: str) -> None:
        raise Transient(Reason.TIMEOUT, "no answer")

    monkeypatch.setattr(office.stores.keys, "reinstate", fails)
    with pytest.raises(Transient):
        office.review.give(case.id, Verdict.REINSTATE, "ada", "office")
    office.stores.clock.advance(61)
    assert office.review.give(case.id, Verdict.CONFIRM, "bob", "leaked").state is CaseState.CONFIRMED


def test_findings_that_come_while_a_verdict_is_carried_out_are_in_the_closed_case(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    office = replica()
    case = one(office).case
    assert case is not None
    reinstate = office.stores.keys.reinstate

    def slow(key_id: str, *, case_id: str) -> Any:
        one(office, 2)
        return reinstate(key_id, case_id=case_id)

    monkeypatch.setattr(office.stores.keys, "reinstate", slow)
    closed = office.review.give(case.id, Verdict.REINSTATE, "ada", "office")
    assert len(closed.findings) == 2


def test_two_people_must_agree_where_policy_wants_two() -> None:
    office = replica(policy=policy(review={"two_person": ["confirm"]}))
    case = one(office).case
    assert case is not None
    proposed = office.review.give(case.id, Verdict.CONFIRM, "ada", "leaked", revoke=True)
    assert proposed.state is CaseState.OPEN
    assert office.stores.keys.describe("key_victim").state is KeyState.SUSPENDED
    with pytest.raises(Refused) as alone:
        office.review.give(case.id, Verdict.CONFIRM, "ada", "leaked", revoke=True)
    assert alone.value.reason is Reason.DENIED
    assert office.review.give(case.id, Verdict.CONFIRM, "bob", "yes").state is CaseState.OPEN  # not to revoke
    closed = office.review.give(case.id, Verdict.CONFIRM, "ada", "yes")
    assert closed.state is CaseState.CONFIRMED
    assert not closed.revoked


def test_a_verdict_on_what_has_changed_is_refused() -> None:
    office = replica()
    case = one(office).case
    assert case is not None
    one(office, 2)
    with pytest.raises(Refused) as stale:
        office.review.give(case.id, Verdict.CONFIRM, "ada", "leaked", version=case.version)
    assert stale.value.reason is Reason.CONFLICT
    assert office.audited()[-1].what == "suspend"
