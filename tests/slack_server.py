"""Slack's Web API as its documentation describes it, on a local port, with the answers a test queues."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl

from tests.web import serving

Answer = tuple[int, dict[str, str], dict[str, Any]]
TEAM = "T0001"
CHANNEL = "C024BE91L"


@dataclass
class SlackServer:
    """``calls`` are (method, arguments) as they came; ``answers`` are given before the usual ones.

    Keeps messages, so that they can be edited, deleted and found again. ``before`` runs ahead of each
    answer: to lose one, or to do something at that very moment.
    """

    base_url: str = ""
    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)
    messages: dict[str, dict[str, Any]] = field(default_factory=dict)
    scheduled: dict[str, dict[str, Any]] = field(default_factory=dict)
    uploads: list[bytes] = field(default_factory=list)
    groups: dict[str, list[str]] = field(default_factory=dict)
    triggers_dead: bool = False
    socket_url: str = ""
    before: Callable[[str, dict[str, Any]], None] | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)
    posted: int = 0

    def answer(self, method: str, arguments: dict[str, Any]) -> Answer:
        """What Slack says: https://docs.slack.dev/reference/methods."""
        with self.lock:
            self.calls.append((method, arguments))
            queued = self.answers.pop(0) if self.answers else None
        if self.before:
            self.before(method, arguments)
        if queued:
            return queued
        with self.lock:
            found = self._usual(method, arguments)
        return 200, {}, {"ok": "error" not in found, **found}

    def methods(self) -> list[str]:
        """The names of the methods called, in order."""
        return [method for method, _ in self.calls]

    def sent(self, method: str) -> list[dict[str, Any]]:
        """The arguments of all calls of a method."""
        return [arguments for called, arguments in self.calls if called == method]

    def posts(self) -> list[dict[str, Any]]:
        """The messages that stand in the channel itself."""
        return [message for message in self.messages.values() if "thread_ts" not in message]

    def _usual(self, method: str, arguments: dict[str, Any]) -> dict[str, Any]:
        known: dict[str, Callable[[dict[str, Any]], dict[str, Any] | None]] = {
            "chat.postMessage": lambda a: _problem(a) or self._post(a),
            "chat.update": lambda a: _problem(a) or self._update(a),
            "chat.delete": lambda a: self.messages.pop(a["ts"], None) and {},
            "conversations.history": lambda _: {"messages": list(reversed(self.posts()))},
            "conversations.list": lambda _: {"channels": [{"id": CHANNEL, "name": "keys"}]},
            "usergroups.users.list": lambda a: {"users": self.groups.get(a["usergroup"], [])},
            "auth.test": lambda _: {"team_id": TEAM, "user_id": "UBOT"},
            "views.open": lambda a: {"error": "expired_trigger_id"} if self.triggers_dead else _bad_view(a),
            "apps.connections.open": lambda _: {"url": self.socket_url},
            "files.getUploadURLExternal": lambda _: self._upload_place(),
            "files.completeUploadExternal": lambda _: {"files": []},
            "chat.scheduleMessage": self._schedule,
            "chat.deleteScheduledMessage": self._unschedule,
        }
        answer = known[method](arguments) if method in known else {}
        return answer or {}

    def _upload_place(self) -> dict[str, Any]:
        number = len(self.calls)
        return {"upload_url": f"{self.base_url}upload/{number}", "file_id": f"F{number}"}

    def _schedule(self, arguments: dict[str, Any]) -> dict[str, Any]:
        number = f"Q{len(self.calls)}"
        self.scheduled[number] = arguments
        return {"channel": CHANNEL, "scheduled_message_id": number}

    def _unschedule(self, arguments: dict[str, Any]) -> dict[str, Any]:
        known = self.scheduled.pop(arguments["scheduled_message_id"], None)
        return {} if known else {"error": "invalid_scheduled_message_id"}

    def _post(self, arguments: dict[str, Any]) -> dict[str, Any]:
        self.posted += 1
        ts = f"1780000000.{self.posted:06}"
        self.messages[ts] = {**arguments, "ts": ts}
        return {"channel": CHANNEL, "ts": ts}

    def _update(self, arguments: dict[str, Any]) -> dict[str, Any]:
        if arguments["ts"] not in self.messages:
            return {"error": "message_not_found"}
        self.messages[arguments["ts"]].update(arguments)
        return {"channel": CHANNEL, "ts": arguments["ts"]}


def _problem(arguments: dict[str, Any]) -> dict[str, Any]:
    """The limits of Block Kit: 50 blocks, 13,200 characters in all, 150 a header, 3000 a section, 10 fields
    of 2000, 2000 a button's value.
    """
    blocks = arguments.get("blocks", [])
    if len(json.dumps(blocks, ensure_ascii=False)) > 13_200:
        return {"error": "msg_blocks_too_long"}
    bad = len(blocks) > 50 or any(_bad_block(block) for block in blocks)
    return {"error": "invalid_blocks"} if bad else {}


def _bad_block(block: dict[str, Any]) -> bool:
    text = block.get("text", {}).get("text", "-")
    fields = block.get("fields", [])
    values = [element.get("value", "-") for element in block.get("elements", [])]
    return (
        not 0 < len(text) <= (150 if block["type"] == "header" else 3000)
        or len(fields) > 10
        or any(not 0 < len(f["text"]) <= 2000 for f in fields)
        or any(not 0 < len(value) <= 2000 for value in values)
    )


def _bad_view(arguments: dict[str, Any]) -> dict[str, Any]:
    """24 characters a title, 3000 of private metadata, 100 blocks."""
    view = arguments["view"]
    too_long = len(view["title"]["text"]) > 24 or len(view["private_metadata"]) > 3000
    bad = too_long or len(view["blocks"]) > 100 or any(_bad_block(block) for block in view["blocks"])
    return {"error": "invalid_arguments"} if bad else {"view": {"id": "V1"}}


_JSON_FIELDS = {"blocks", "metadata", "view", "files"}


class _Handler(BaseHTTPRequestHandler):
    slack: SlackServer

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.slack.tokens.append(self.headers.get("Authorization", ""))
        if "/upload/" in self.path:
            self.slack.uploads.append(body)
            self._reply(200, {}, {"ok": True})
            return
        if "json" in self.headers.get("Content-Type", ""):
            arguments = json.loads(body)
        else:
            arguments = dict(parse_qsl(body.decode()))
            for name in _JSON_FIELDS & set(arguments):
                arguments[name] = json.loads(arguments[name])
        self._reply(*self.slack.answer(self.path.rpartition("/")[2], arguments))

    def do_GET(self) -> None:
        path, _, query = self.path.partition("?")
        self._reply(*self.slack.answer(path.rpartition("/")[2], dict(parse_qsl(query))))

    def _reply(self, status: int, headers: dict[str, str], answer: dict[str, Any]) -> None:
        raw = json.dumps(answer).encode()
        try:
            self.send_response(status)
            for name, value in {"Content-Type": "application/json", **headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)
        except (BrokenPipeError, ConnectionResetError):
            return  # the caller did not wait for the answer

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def slack_server() -> Iterator[SlackServer]:
    """A server, stopped afterwards."""
    slack = SlackServer()
    handler = type("Handler", (_Handler,), {"slack": slack})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    slack.base_url = f"http://127.0.0.1:{server.server_port}/api/"
    with serving(server):
        yield slack
