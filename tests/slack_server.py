"""Slack's Web API as its documentation describes it, on a local port, with the answers a test queues."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl

Answer = tuple[int, dict[str, str], dict[str, Any]]


@dataclass
class SlackServer:
    """``calls`` are (method, arguments) as they came; ``answers`` are given before the usual ones."""

    base_url: str = ""
    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)

    def answer(self, method: str, arguments: dict[str, Any]) -> Answer:
        """What Slack says: https://docs.slack.dev/reference/methods/chat.postMessage."""
        self.calls.append((method, arguments))
        if self.answers:
            return self.answers.pop(0)
        problem = _problem(arguments)
        if problem:
            return 200, {}, {"ok": False, "error": problem}
        ts = arguments.get("ts", f"1780000000.{len(self.calls):06}")
        return 200, {}, {"ok": True, "channel": "C024BE91L", "ts": ts}


def _problem(arguments: dict[str, Any]) -> str:
    """The limits of Block Kit: 50 blocks, 150 characters a header, 3000 a section, 10 fields of 2000."""
    blocks = arguments.get("blocks", [])
    if len(blocks) > 50:
        return "invalid_blocks"
    for block in blocks:
        text = block.get("text", {}).get("text", "")
        if len(text) > (150 if block["type"] == "header" else 3000):
            return "invalid_blocks"
        fields = block.get("fields", [])
        if len(fields) > 10 or any(not 0 < len(f["text"]) <= 2000 for f in fields):
            return "invalid_blocks"
    return ""


@contextmanager
def slack_server() -> Iterator[SlackServer]:
    """A server, stopped afterwards."""
    slack = SlackServer()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            slack.tokens.append(self.headers.get("Authorization", ""))
            if "json" in self.headers.get("Content-Type", ""):
                arguments = json.loads(body)
            else:
                arguments = dict(parse_qsl(body.decode()))
                for name in ("blocks", "metadata"):
                    if name in arguments:
                        arguments[name] = json.loads(arguments[name])
            status, headers, answer = slack.answer(self.path.rpartition("/")[2], arguments)
            raw = json.dumps(answer).encode()
            self.send_response(status)
            for name, value in {"Content-Type": "application/json", **headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    slack.base_url = f"http://127.0.0.1:{server.server_port}/api/"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield slack
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
