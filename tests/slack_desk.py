"""Slack on one side, our desk on the other, as Slack meets it: presses, modals and commands over HTTP."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import httpx
from starlette.applications import Starlette

from alerting.notifiers.slack import SlackNotifier
from alerting.notifiers.slack_api import SlackApi
from alerting.slack_desk.acts import Acts
from alerting.slack_desk.command import Command
from alerting.slack_desk.entry import Entry, MemoryReplays
from alerting.slack_desk.http import slack_app
from alerting.slack_desk.people import People
from alerting.slack_desk.presses import Presses
from alerting.slack_desk.tokens import ButtonTokens, MemoryTokenStore
from domain.clock import ManualClock
from domain.errors import KeywatchError
from domain.picture import KeyPicture
from domain.secret import Secret
from tests.alerts import NOW_MS
from tests.office import Replica, Stores, policy, replica
from tests.slack_server import CHANNEL, TEAM, SlackServer
from tests.web import serving_asgi

SIGNING = Secret("a signing secret")
TOKEN = Secret("xoxb-secret")


class NoHistory:
    """Nobody has seen any key."""

    def picture(self, key_id: str) -> KeyPicture | None:
        return None


@dataclass
class SlackDesk:
    """Our side, and what Slack would send to it."""

    office: Replica
    slack: SlackServer
    entry: Entry
    app: Starlette
    tokens: MemoryTokenStore
    failures: list[KeywatchError]
    url: str = ""

    @property
    def clock(self) -> ManualClock:
        return self.office.stores.clock

    # -- as Slack ------------------------------------------------------------------------------------

    def post(self, path: str, form: dict[str, str], **headers: str) -> httpx.Response:
        """A signed request; ``headers`` replace those it would have."""
        body = urlencode(form).encode()
        return httpx.post(f"{self.url}{path}", content=body, headers={**self.signed(body), **headers})

    def signed(self, body: bytes) -> dict[str, str]:
        """Slack's headers for a body."""
        stamp = str(int(self.clock.now()))
        digest = hmac.new(SIGNING.reveal().encode(), f"v0:{stamp}:".encode() + body, hashlib.sha256)
        return {
            "content-type": "application/x-www-form-urlencoded",
            "x-slack-request-timestamp": stamp,
            "x-slack-signature": f"v0={digest.hexdigest()}",
        }

    def interact(self, payload: dict[str, Any]) -> httpx.Response:
        """A payload as the interactivity URL gets it."""
        return self.post("/slack/interactive", {"payload": json.dumps(payload)})

    def button(self, act: str) -> dict[str, Any]:
        """The button of the newest message."""
        blocks = self.slack.posts()[-1]["blocks"]
        (row,) = [block for block in blocks if block["type"] == "actions"]
        (found,) = [e for e in row["elements"] if e["action_id"] == f"keywatch:{act}"]
        button: dict[str, Any] = found
        return button

    def press(self, act: str, user: str = "U1") -> httpx.Response:
        """Somebody presses a button of the newest message."""
        return self.interact(press(self.button(act), user))

    def modal(self) -> dict[str, Any]:
        """The newest modal."""
        view: dict[str, Any] = self.slack.sent("views.open")[-1]["view"]
        return view

    def submit(
        self, view: dict[str, Any], user: str = "U1", reason: str = "our new office"
    ) -> httpx.Response:
        """Somebody fills in the modal and sends it."""
        return self.interact(submission(view, user, reason))

    def whispers(self) -> list[str]:
        """What was said to one person only."""
        return [sent["text"] for sent in self.slack.sent("chat.postEphemeral")]


def press(button: dict[str, Any], user: str, team: str = TEAM) -> dict[str, Any]:
    """A block_actions payload."""
    return {
        "type": "block_actions",
        "user": {"id": user, "username": user.lower(), "team_id": team},
        "team": {"id": TEAM},
        "channel": {"id": CHANNEL},
        "trigger_id": "123.456",
        "actions": [{"action_id": button["action_id"], "value": button["value"]}],
    }


def submission(view: dict[str, Any], user: str, reason: str, hours: str = "4") -> dict[str, Any]:
    """A view_submission payload."""
    values = {
        "reason": {"reason": {"type": "plain_text_input", "value": reason}},
        "hours": {"hours": {"type": "static_select", "selected_option": {"value": hours}}},
    }
    return {
        "type": "view_submission",
        "user": {"id": user, "username": user.lower(), "team_id": TEAM},
        "team": {"id": TEAM},
        "view": {**view, "state": {"values": values}},
    }


def desk(slack: SlackServer, *, revokes: bool = True, **review: Any) -> SlackDesk:
    """Without its HTTP server; users U1 and U2 may decide. ``revokes``: the key store can end keys."""
    stores = Stores(ManualClock(NOW_MS / 1000))
    clock, failures = stores.clock, list[KeywatchError]()
    rules = policy(review={"may_decide": ["U1", "U2"], **review})
    api = SlackApi(TOKEN, clock, clock.advance, slack.base_url, 2)
    tokens = MemoryTokenStore()
    buttons = ButtonTokens(tokens, offered=lambda: bool(rules.review.may_decide), revokes=revokes)
    told = SlackNotifier(
        TOKEN, CHANNEL, clock, clock.advance, slack.base_url, book=stores.book, buttons=buttons
    )
    office = replica(stores=stores, policy=rules, notifiers={"slack": told})
    acts = Acts(office.review, office.silencing, stores.cases, stores.incidents, api, clock, revokes=revokes)
    office.acts = acts
    office.__post_init__()
    people = People(api, office.rules, clock)
    presses = Presses(api, people, tokens, office.briefing, office.dispatch, revokes=revokes)
    command = Command(people, stores.cases, stores.keys, NoHistory())
    entry = Entry(presses, command, MemoryReplays(), failures.append)
    return SlackDesk(office, slack, entry, slack_app(SIGNING, entry, clock), tokens, failures)


@contextmanager
def served(made: SlackDesk) -> Iterator[SlackDesk]:
    """With its HTTP server, on a free port."""
    with serving_asgi(made.app, ws="none", lifespan="off") as made.url:
        yield made
