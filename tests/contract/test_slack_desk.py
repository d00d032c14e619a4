"""What people press in Slack, over HTTP: who may, what is asked, what happens, and what must not."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterator
from urllib.parse import urlencode

import httpx
import pytest

from domain.case import Case, CaseState, Verdict
from domain.errors import Reason, Transient
from domain.ports import KeyState
from tests.alerts import finding
from tests.office import finding_id
from tests.slack_desk import SlackDesk, desk, press, served
from tests.slack_server import SlackServer, slack_server


@pytest.fixture(scope="module")
def running() -> Iterator[SlackServer]:
    with slack_server() as server:
        yield server


@pytest.fixture
def slack(running: SlackServer) -> SlackServer:
    for kept in (running.calls, running.messages, running.answers, running.groups):
        kept.clear()
    running.triggers_dead, running.before = False, None
    return running


@pytest.fixture
def at(slack: SlackServer) -> Iterator[SlackDesk]:
    with served(desk(slack)) as made:
        made.office.find(finding(id=finding_id("1")))
        made.office.deliver()
        yield made


def case_of(at: SlackDesk) -> Case:
    (case,) = at.office.stores.cases.list()
    return case


def state(at: SlackDesk, key_id: str = "key_victim") -> KeyState:
    return at.office.stores.keys.describe(key_id).state


def errors(answer: httpx.Response) -> str:
    found: str = answer.json()["errors"]["reason"]
    return found


# -- the way of a press ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("act", "after", "key"),
    [
        ("reinstate", CaseState.REINSTATED, KeyState.ACTIVE),
        ("false_positive", CaseState.REINSTATED, KeyState.ACTIVE),
        ("confirm", CaseState.CONFIRMED, KeyState.REVOKED),
        ("rotate", CaseState.OPEN, KeyState.SUSPENDED),
        ("silence", CaseState.OPEN, KeyState.SUSPENDED),
    ],
)
def test_a_press_asks_why_and_then_it_is_done(
    act: str, after: CaseState, key: KeyState, at: SlackDesk
) -> None:
    answer = at.press(act)
    assert (answer.status_code, answer.content) == (200, b"")
    assert case_of(at).state is CaseState.OPEN  # nothing happens before a reason is given
    assert "key_victim" in json.dumps(at.modal()["blocks"])
    done = at.submit(at.modal())
    assert (done.status_code, done.content) == (200, b"")
    at.office.deliver()
    assert (case_of(at).state, state(at)) == (after, key)
    assert "Done for 1 of 1" in at.whispers()[-1] or "Silenced for 4 hours" in at.whispers()[-1]
    audited = [entry for entry in at.office.audited() if entry.who == "slack:U1 (u1)"]
    assert "our new office" in audited[-1].why
    at.office.deliver(10)
    if after is not CaseState.OPEN:
        assert "our new office" in json.dumps(at.slack.posts()[-1]["blocks"])


def test_where_keys_cannot_be_revoked_nothing_says_so_and_the_key_stays_suspended(slack: SlackServer) -> None:
    with served(desk(slack, revokes=False)) as at:
        at.office.find(finding())
        at.office.deliver()
        assert at.button("confirm")["text"]["text"] == "Confirm misuse"
        at.press("confirm")
        assert "revoked" not in json.dumps(at.modal())
        at.submit(at.modal())
        at.office.deliver()
        assert (case_of(at).state, state(at)) == (CaseState.CONFIRMED, KeyState.SUSPENDED)


def test_a_silence_from_slack_is_about_the_key_and_ends(at: SlackDesk) -> None:
    at.press("silence")
    at.submit(at.modal())
    at.office.deliver()
    (silence,) = at.office.stores.silences.active(at.office.desk.now_ms())
    assert (silence.key, silence.tenant) == ("key_victim", "*")
    assert silence.until_ms - silence.created_ms == 4 * 3_600_000


def test_buttons_of_an_incident_of_many_keys_are_about_all_of_them(at: SlackDesk) -> None:
    for number in range(2, 6):
        at.office.find(finding(id=finding_id(str(number)), key_id=f"key_{number}"))
    at.office.deliver(10)
    at.press("reinstate")
    assert "all open keys of the incident: 5 of 5" in json.dumps(at.modal()["blocks"])
    at.submit(at.modal())
    at.office.deliver()
    assert {case.state for case in at.office.stores.cases.list()} == {CaseState.REINSTATED}
    assert "Done for 5 of 5" in at.whispers()[-1]


def test_only_an_opaque_token_travels(at: SlackDesk) -> None:
    values = {at.button(act)["value"] for act in ("reinstate", "confirm", "silence")}
    assert len(values) == 1
    at.press("reinstate")
    for text in (*values, at.modal()["private_metadata"]):
        assert case_of(at).id not in text
        assert "key_victim" not in text


# -- two at once, too late, twice --------------------------------------------------------------------


def test_of_two_people_who_press_one_decides_and_the_other_is_told(at: SlackDesk) -> None:
    at.press("reinstate", "U1")
    first = at.modal()
    at.press("confirm", "U2")
    second = at.modal()
    assert at.submit(first, "U1").content == b""
    at.clock.advance(1)
    assert at.submit(second, "U2").content == b""  # both are in time
    at.office.deliver()
    assert case_of(at).verdict is Verdict.REINSTATE
    assert state(at) is KeyState.ACTIVE
    assert "Not done" in at.whispers()[-1]
    assert "reinstated by slack:U1" in at.whispers()[-1]


def test_who_comes_after_a_verdict_is_told_whose_it_was(at: SlackDesk) -> None:
    old = at.button("confirm")
    at.press("confirm", "U2")
    late = at.modal()
    at.office.review.give(case_of(at).id, Verdict.REINSTATE, "ada", "office")
    assert "reinstated by ada" in errors(at.submit(late, "U2"))
    at.clock.advance(1)
    at.interact(press(old, "U2"))
    assert "reinstated by ada" in at.whispers()[-1]
    assert state(at) is KeyState.ACTIVE


def test_a_modal_counts_once(at: SlackDesk) -> None:
    at.press("rotate")
    at.submit(at.modal())
    at.clock.advance(1)
    assert "sent already" in errors(at.submit(at.modal()))
    at.office.deliver()
    assert [entry.what for entry in at.office.audited()].count("ask rotation") == 1


def test_a_modal_is_its_openers_alone(at: SlackDesk) -> None:
    at.press("reinstate", "U1")
    assert "sent already" in errors(at.submit(at.modal(), "U2"))


def test_evidence_that_comes_while_somebody_writes_is_shown_before_it_counts(at: SlackDesk) -> None:
    at.press("reinstate")
    at.office.find(finding(id=finding_id("2"), actual="worse than before"))
    answer = at.submit(at.modal()).json()
    assert answer["response_action"] == "update"
    assert "worse than before" in json.dumps(answer["view"])
    assert case_of(at).state is CaseState.OPEN
    assert at.submit(answer["view"]).content == b""
    at.office.deliver()
    assert case_of(at).state is CaseState.REINSTATED


def test_a_press_on_a_message_that_is_behind_opens_with_a_warning(at: SlackDesk) -> None:
    old = at.button("reinstate")
    at.office.find(finding(id=finding_id("2")))
    at.interact(press(old, "U1"))
    assert "has changed since the message was written" in json.dumps(at.modal()["blocks"])


def test_keywatchs_own_notes_do_not_make_a_message_stale(at: SlackDesk) -> None:
    at.press("reinstate")
    at.office.review.comment(case_of(at).id, "bob", "looking")
    assert at.submit(at.modal()).content == b""


def test_a_trigger_that_is_dead_says_to_press_again(at: SlackDesk) -> None:
    at.slack.triggers_dead = True
    assert at.press("reinstate").status_code == 200
    assert at.whispers() == ["That took too long: please press again."]


def test_a_token_that_is_not_ours_opens_nothing(at: SlackDesk) -> None:
    at.interact(press({"action_id": "keywatch:confirm", "value": "made up"}, "U1"))
    assert at.slack.sent("views.open") == []
    assert "too old" in at.whispers()[-1]


def test_a_reason_is_needed(at: SlackDesk) -> None:
    at.press("reinstate")
    assert "Say why" in errors(at.submit(at.modal(), reason="  "))
    assert at.submit(at.modal()).content == b""  # the form is still good


# -- who may -----------------------------------------------------------------------------------------


def test_who_is_not_named_in_policy_may_not(at: SlackDesk) -> None:
    at.press("reinstate", "U9")
    assert at.slack.sent("views.open") == []
    assert "not among those who may decide" in at.whispers()[-1]
    at.press("reinstate", "U1")
    assert "not among" in errors(at.submit(at.modal(), "U9"))
    at.office.deliver()
    assert case_of(at).state is CaseState.OPEN


def test_a_guest_of_another_workspace_may_not(at: SlackDesk) -> None:
    at.interact(press(at.button("reinstate"), "U1", team="T9999"))
    assert at.slack.sent("views.open") == []


def test_members_of_a_user_group_may_and_are_looked_up_seldom(slack: SlackServer) -> None:
    slack.groups["S1"] = ["U7"]
    with served(desk(slack, may_decide=["S1"])) as at:
        at.office.find(finding())
        at.office.deliver()
        at.press("reinstate", "U7")
        at.press("reinstate", "U8")
        assert len(slack.sent("views.open")) == 1
        assert len(slack.sent("usergroups.users.list")) == 1
        slack.groups["S1"] = []
        at.clock.advance(301)
        at.press("reinstate", "U7")
        assert len(slack.sent("views.open")) == 1


def test_without_anybody_named_there_are_no_buttons(slack: SlackServer) -> None:
    at = desk(slack, may_decide=[])
    at.office.find(finding())
    at.office.deliver()
    assert all(block["type"] != "actions" for block in slack.posts()[-1]["blocks"])


def test_two_people_where_policy_wants_two(slack: SlackServer) -> None:
    with served(desk(slack, two_person=["confirm"])) as at:
        at.office.find(finding())
        at.office.deliver()
        at.press("confirm", "U1")
        at.submit(at.modal(), "U1")
        at.office.deliver()
        at.office.deliver(10)
        assert state(at) is KeyState.SUSPENDED
        assert "a second person must agree" in at.whispers()[-1]
        assert "proposes confirm" in json.dumps(slack.posts()[-1]["blocks"])
        at.press("confirm", "U2")
        at.submit(at.modal(), "U2")
        at.office.deliver()
        assert state(at) is KeyState.REVOKED


# -- the door ----------------------------------------------------------------------------------------


def test_a_signed_request_passes_once(at: SlackDesk) -> None:
    body = urlencode({"payload": json.dumps(press(at.button("reinstate"), "U1"))}).encode()
    headers = at.signed(body)
    codes = [
        httpx.post(f"{at.url}/slack/interactive", content=body, headers=headers).status_code for _ in range(2)
    ]
    assert codes == [200, 401]
    assert len(at.slack.sent("views.open")) == 1


@pytest.mark.parametrize("late_s", [301, -301])
def test_a_request_outside_its_five_minutes_is_refused(late_s: int, at: SlackDesk) -> None:
    body = urlencode({"payload": "{}"}).encode()
    stamp = str(int(at.clock.now()) - late_s)
    digest = hmac.new(b"a signing secret", f"v0:{stamp}:".encode() + body, hashlib.sha256).hexdigest()
    headers = {"x-slack-request-timestamp": stamp, "x-slack-signature": f"v0={digest}"}
    assert httpx.post(f"{at.url}/slack/interactive", content=body, headers=headers).status_code == 401


@pytest.mark.parametrize(
    "headers",
    [
        {"x-slack-signature": "v0=00"},
        {"x-slack-signature": ""},
        {"x-slack-request-timestamp": "soon"},
        {"x-slack-request-timestamp": "1e400"},
    ],
)
@pytest.mark.parametrize("path", ["/slack/interactive", "/slack/command"])
def test_a_bad_signature_is_refused_whatever_it_is(headers: dict[str, str], path: str, at: SlackDesk) -> None:
    assert at.post(path, {"payload": "{}"}, **headers).status_code == 401


def test_bytes_that_no_verifier_likes_are_refused(at: SlackDesk) -> None:
    headers = at.signed(b"x")
    for body in (b"\xff\xfe", b"x" * (1 << 20) + b"y"):
        assert httpx.post(f"{at.url}/slack/command", content=body, headers=headers).status_code == 401
    latin = [(k.encode(), v.encode()) for k, v in headers.items() if "signature" not in k]
    latin.append((b"x-slack-signature", "v0=é".encode("latin-1")))
    assert httpx.post(f"{at.url}/slack/command", content=b"x", headers=latin).status_code == 401
    assert httpx.post(f"{at.url}/slack/command", content=b"x").status_code == 401


def test_payloads_that_are_none_are_answered_and_do_nothing(at: SlackDesk) -> None:
    assert at.post("/slack/interactive", {"payload": "[1"}).status_code == 400
    assert at.post("/slack/interactive", {"other": "x"}).status_code == 400
    for payload in ({}, {"type": "shortcut"}, {"type": "block_actions"}, {"type": "view_submission"}):
        assert at.interact(payload).status_code == 200
    assert case_of(at).state is CaseState.OPEN


def test_when_redis_is_away_the_person_is_told_to_try_again(
    at: SlackDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    at.press("reinstate")

    def away(token: str) -> None:
        raise Transient(Reason.UNREACHABLE, "no Redis")

    monkeypatch.setattr(at.tokens, "spend", away)
    assert "please try again" in errors(at.submit(at.modal()))
    assert [error.reason for error in at.failures] == [Reason.UNREACHABLE]


# -- /keywatch ---------------------------------------------------------------------------------------


def ask(at: SlackDesk, text: str, user: str = "U1") -> dict[str, str]:
    form = {"command": "/keywatch", "text": text, "user_id": user, "team_id": "T0001"}
    answer = at.post("/slack/command", form)
    assert answer.status_code == 200
    found: dict[str, str] = answer.json()
    return found


def test_a_key_is_shown_to_who_asks_alone(at: SlackDesk) -> None:
    answer = ask(at, "key_victim")
    assert answer["response_type"] == "ephemeral"
    text = json.dumps(answer["blocks"])
    assert "is *suspended*" in text
    assert case_of(at).id in text
    assert "RU, AS64500" in text


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "Ask about a key"),
        ("help", "Ask about a key"),
        ("key_<!here>", "Nobody knows a key `key_&lt;!here&gt;`"),
    ],
)
def test_other_questions_get_help(text: str, says: str, at: SlackDesk) -> None:
    assert says in ask(at, text)["text"]


def test_who_may_look_is_policy_too(slack: SlackServer) -> None:
    with served(desk(slack, may_look=["U3"])) as at:
        at.office.find(finding())
        assert "blocks" in ask(at, "key_victim", "U3")
        assert "blocks" in ask(at, "key_victim", "U1")
        assert "not among those who may look" in ask(at, "key_victim", "U9")["text"]
