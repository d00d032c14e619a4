"""Socket Mode: the same presses over a connection that we open, against a small WebSocket server."""

from __future__ import annotations

import base64
import hashlib
import json
import queue
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import pytest

from alerting.slack_desk.socket import SlackSocket
from domain.errors import Fatal, Transient
from domain.secret import Secret
from tests.alerts import finding
from tests.slack_desk import SlackDesk, desk, press
from tests.slack_server import SlackServer, slack_server
from tests.web import running

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


@dataclass
class WebSocketServer:
    """One connection of RFC 6455: what it is told to send, and the answers it got."""

    listener: socket.socket = field(default_factory=lambda: socket.create_server(("127.0.0.1", 0)))
    answers: queue.Queue[dict[str, Any]] = field(default_factory=queue.Queue)
    connected: threading.Event = field(default_factory=threading.Event)
    peer: socket.socket | None = None

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.listener.getsockname()[1]}/"

    def serve(self) -> None:
        """Shake hands and read frames until the other side leaves."""
        self.peer, _ = self.listener.accept()
        self.peer.sendall(_handshake(self.peer))
        self.send({"type": "hello"})
        self.connected.set()
        while frame := _frame(self.peer):
            if frame[0] == 1 and frame[1].startswith(b"{"):
                self.answers.put(json.loads(frame[1]))

    def send(self, message: dict[str, Any]) -> None:
        """One text frame, unmasked as a server's are."""
        assert self.peer is not None
        raw = json.dumps(message).encode()
        head = b"\x81" + (bytes([len(raw)]) if len(raw) < 126 else b"\x7e" + struct.pack(">H", len(raw)))
        self.peer.sendall(head + raw)

    def close(self) -> None:
        """Wake the thread that waits for the other side, which closing alone would not."""
        for held in (self.peer, self.listener):
            if held:
                with suppress(OSError):  # it has left
                    held.shutdown(socket.SHUT_RDWR)
                held.close()


def _handshake(peer: socket.socket) -> bytes:
    request = b""
    while b"\r\n\r\n" not in request:
        more = peer.recv(4096)
        if not more:
            raise ConnectionError("the client left before it had asked")
        request += more
    (key,) = [
        line.split(b":")[1].strip()
        for line in request.split(b"\r\n")
        if line.lower().startswith(b"sec-websocket-key")
    ]
    accept = base64.b64encode(hashlib.sha1(key + GUID).digest())
    return (
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n"
    )


def _frame(peer: socket.socket) -> tuple[int, bytes] | None:
    """Opcode and payload of a client's frame; None at the end."""
    head = _exactly(peer, 2)
    if not head:
        return None
    size = head[1] & 0x7F
    if size == 126:
        (size,) = struct.unpack(">H", _exactly(peer, 2))
    mask, data = _exactly(peer, 4), _exactly(peer, size)
    return head[0] & 0x0F, bytes(b ^ mask[i % 4] for i, b in enumerate(data))


def _exactly(peer: socket.socket, count: int) -> bytes:
    out = b""
    while len(out) < count:
        try:
            more = peer.recv(count - len(out))
        except OSError:
            return b""
        if not more:
            return b""
        out += more
    return out


@pytest.fixture
def slack() -> Iterator[SlackServer]:
    with slack_server() as server:
        yield server


@pytest.fixture
def wire(slack: SlackServer) -> Iterator[WebSocketServer]:
    server = WebSocketServer()
    slack.socket_url = server.url
    with running(server.serve, server.close):
        yield server


@pytest.fixture
def at(slack: SlackServer) -> SlackDesk:
    made = desk(slack)
    made.office.find(finding())
    made.office.deliver()
    return made


def test_presses_and_commands_arrive_and_each_envelope_is_answered_once_done(
    at: SlackDesk, slack: SlackServer, wire: WebSocketServer
) -> None:
    client = SlackSocket(Secret("xapp-1"), at.entry, slack.base_url)
    client.start()
    try:
        assert wire.connected.wait(10)
        payload = press(at.button("reinstate"), "U1")
        for _ in range(2):  # Slack sends again what it thinks was lost
            wire.send({"type": "interactive", "envelope_id": "e1", "payload": payload})
            assert wire.answers.get(timeout=10)["envelope_id"] == "e1"
        assert len(slack.sent("views.open")) == 1
        form = {"command": "/keywatch", "text": "key_victim", "user_id": "U1", "team_id": "T0001"}
        wire.send({"type": "slash_commands", "envelope_id": "e2", "payload": form})
        answer = wire.answers.get(timeout=10)
        assert answer["envelope_id"] == "e2"
        assert "is *suspended*" in json.dumps(answer["payload"]["blocks"])
    finally:
        client.stop()
    assert ("apps.connections.open") in slack.methods()


def test_a_bad_app_token_is_named_and_a_dead_slack_may_pass(at: SlackDesk, slack: SlackServer) -> None:
    slack.answers.append((200, {}, {"ok": False, "error": "invalid_auth"}))
    with pytest.raises(Fatal) as refused:
        SlackSocket(Secret("xapp-secret"), at.entry, slack.base_url).start()
    assert "slack.app_token_file" in str(refused.value)
    assert "xapp-secret" not in str(refused.value)
    with pytest.raises(Transient):
        SlackSocket(Secret("xapp-1"), at.entry, "http://127.0.0.1:1/api/").start()
