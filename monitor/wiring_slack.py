"""What people press in Slack reaches us: over a socket that we open, or over HTTP."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Protocol

from alerting.slack_desk.command import Command
from alerting.slack_desk.entry import Entry, RedisReplays
from alerting.slack_desk.people import People
from alerting.slack_desk.presses import Presses
from alerting.slack_desk.tokens import RedisTokenStore
from domain.errors import Fatal, Reason
from domain.secret import Secret
from monitor.config import secret
from monitor.logs import Log
from monitor.wiring import CLOCK
from monitor.wiring_alerting import Office
from monitor.wiring_destinations import PRESS_TIMEOUT_S, slack_api

if TYPE_CHECKING:
    from starlette.applications import Starlette


class Listener(Protocol):
    """Runs in threads of its own."""

    def start(self) -> None:
        """Raises ``Fatal`` or ``Transient`` when it cannot listen."""

    def stop(self) -> None:
        """Let what runs end."""


def slack_entry(office: Office, log: Log) -> Entry:
    """The one door for what Slack sends."""
    api = slack_api(office.config, office.client, PRESS_TIMEOUT_S)
    people = People(api, office.desk.rules, CLOCK)
    tokens = RedisTokenStore(office.client)
    revokes = office.desk.people is not None
    presses = Presses(api, people, tokens, office.briefing, office.dispatch, revokes=revokes)
    command = Command(people, office.cases, office.desk.keys, office.history)
    return Entry(
        presses,
        command,
        RedisReplays(office.client),
        lambda error: log.warning("slack_press_failed", reason=error.reason.value, error=str(error)),
    )


def slack_listener(office: Office, log: Log) -> Listener | None:
    """As ``slack.interactive`` says. Raises ``Fatal`` for what is missing."""
    slack = office.config.slack
    if slack.interactive == "off":
        return None
    if not slack.channel:
        raise Fatal(Reason.CONFIG, f"slack.interactive is {slack.interactive} but there is no slack.channel")
    if slack.interactive == "http":
        return HttpListener(slack.host, slack.port, slack_http(office, log))
    from alerting.slack_desk.socket import SlackSocket

    token = _needed(slack.app_token_file, "slack.app_token_file", "socket")
    return SlackSocket(token, slack_entry(office, log), slack.base_url)


def slack_http(office: Office, log: Log) -> Starlette:
    """The ASGI app for ``/slack/interactive`` and ``/slack/command``; the console may mount it."""
    signing = _needed(office.config.slack.signing_secret_file, "slack.signing_secret_file", "http")
    try:
        from alerting.slack_desk.http import slack_app
    except ModuleNotFoundError as error:
        raise Fatal(
            Reason.CONFIG,
            f"slack.interactive: http: {error.name} is missing: pip install 'keywatch[console]'",
        ) from error
    return slack_app(signing, slack_entry(office, log), CLOCK)


def _needed(file: str, setting: str, mode: str) -> Secret:
    if not file:
        raise Fatal(Reason.CONFIG, f"slack.interactive: {mode} needs {setting}")
    return secret("", file, setting)


class HttpListener:
    """uvicorn in a thread; TLS is the ingress's business."""

    def __init__(self, host: str, port: int, app: Starlette) -> None:
        import uvicorn

        settings = uvicorn.Config(app, host=host, port=port, log_level="warning", ws="none", lifespan="off")
        self._server = uvicorn.Server(settings)
        self._thread = threading.Thread(target=self._server.run, name="slack-http", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._server.should_exit = True
        self._thread.join(timeout=10)
