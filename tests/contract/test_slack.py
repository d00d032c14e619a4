"""The Slack notifier against a server that answers as Slack documents."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from alerting.notifiers.slack import SlackNotifier
from domain.clock import ManualClock
from domain.errors import Fatal, KeywatchError, Refused, Transient
from domain.ports import Alert
from domain.secret import Secret
from tests.alerts import alert
from tests.slack_server import SlackServer, slack_server

TOKEN = "xoxb-secret"


@pytest.fixture
def slack() -> Iterator[SlackServer]:
    with slack_server() as running:
        yield running


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def notifier(slack: SlackServer, clock: ManualClock) -> SlackNotifier:
    return SlackNotifier(Secret(TOKEN), "#keys", clock, clock.advance, slack.base_url)


def sent(slack: SlackServer, number: int = -1) -> dict[str, Any]:
    return slack.calls[number][1]


def test_a_message_tells_key_risk_evidence_and_how_to_review(
    notifier: SlackNotifier, slack: SlackServer
) -> None:
    notifier.send(alert())
    text = json.dumps(sent(slack)["blocks"])
    for told in (
        "key_victim",
        "acme",
        "0.97",
        "RU",
        "AS64500",
        "https://console/cases/case_1",
        "keywatch cases",
    ):
        assert told in text
    assert slack.tokens == [f"Bearer {TOKEN}"]


def test_the_same_alert_again_edits_its_message(notifier: SlackNotifier, slack: SlackServer) -> None:
    notifier.send(alert())
    notifier.send(alert())
    assert [method for method, _ in slack.calls] == ["chat.postMessage", "chat.update"]
    assert sent(slack)["ts"] == "1780000000.000001"


@pytest.mark.parametrize("hostile", ["<!channel>", "<https://evil|click>", "& <@U1>", "`*_~", "x" * 9_000])
def test_what_a_user_controls_cannot_command_slack_nor_break_its_limits(
    hostile: str, notifier: SlackNotifier, slack: SlackServer
) -> None:
    notifier.send(alert(key_id=hostile, tenant=hostile, actual=hostile, client=hostile, endpoint=hostile))
    text = json.dumps(sent(slack))
    for command in ("<!channel", "<@U1", "<https://evil"):
        assert command not in text
    assert len(slack.calls) == 1


@pytest.mark.parametrize(
    ("status", "headers", "answer", "kind"),
    [
        (429, {"Retry-After": "30"}, {"ok": False, "error": "ratelimited"}, Transient),
        (500, {}, {}, Transient),
        (200, {}, {"ok": False, "error": "invalid_auth"}, Fatal),
        (200, {}, {"ok": False, "error": "channel_not_found"}, Refused),
        (200, {}, {"ok": False, "error": "msg_blocks_too_long"}, Refused),
    ],
)
def test_each_answer_of_slack_has_its_consequence_and_shows_no_token(
    status: int,
    headers: dict[str, str],
    answer: dict[str, Any],
    kind: type[KeywatchError],
    notifier: SlackNotifier,
    slack: SlackServer,
) -> None:
    slack.answers.append((status, headers, answer))
    with pytest.raises(kind) as caught:
        notifier.send(alert())
    assert TOKEN not in str(caught.value)
    if status == 429:
        assert isinstance(caught.value, Transient)
        assert caught.value.retry_after_s == 30


def test_messages_keep_slacks_spacing(notifier: SlackNotifier, clock: ManualClock) -> None:
    for number in range(3):
        notifier.send(alert(case_id=f"case_{number}"))
    assert clock.monotonic() == pytest.approx(2.0)


def test_nobody_listening_is_transient(clock: ManualClock) -> None:
    silent = SlackNotifier(Secret(TOKEN), "#keys", clock, clock.advance, "http://127.0.0.1:1/api/")
    with pytest.raises(Transient):
        silent.send(alert())


def test_alerts_are_values() -> None:
    assert isinstance(alert(), Alert)
