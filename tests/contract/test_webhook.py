"""Signed webhooks over HTTP, and whom a person at the other end can believe."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from alerting.delivery.errands import OwnerEvent, TellOwner
from alerting.delivery.owners import OwnerWebhook
from alerting.notifiers.other import WebhookNotifier
from alerting.notifiers.webhook import Webhook, key_bytes, signed
from domain.clock import ManualClock
from domain.errors import Fatal, KeywatchError, Refused, Transient
from domain.ports import Reminder
from domain.secret import Secret
from keystore.memory_store import MemoryKeyStore
from tests.alerts import NOW_MS, alert
from tests.web import serving

RAW_KEY = b"0123456789abcdef01234567"
KEY = Secret("whsec_" + base64.b64encode(RAW_KEY).decode())
CLOCK = ManualClock(NOW_MS / 1000)


@dataclass
class Receiver:
    """Requests taken, and the answer to give."""

    url: str = ""
    requests: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    status: int = 204
    headers: dict[str, str] = field(default_factory=dict)

    def body(self) -> dict[str, Any]:
        """The newest body."""
        found: dict[str, Any] = json.loads(self.requests[-1][1])
        return found


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    taken = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            taken.requests.append(({k.lower(): v for k, v in self.headers.items()}, body))
            self.send_response(taken.status)
            for name, value in taken.headers.items():
                self.send_header(name, value)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    taken.url = f"http://127.0.0.1:{server.server_port}/hook/secret-path"
    with serving(server):
        yield taken


def hook(receiver: Receiver) -> Webhook:
    return Webhook(Secret(receiver.url), KEY, CLOCK, timeout_s=1)


def test_the_signature_is_that_of_standard_webhooks(receiver: Receiver) -> None:
    WebhookNotifier(hook(receiver)).send(alert())
    headers, body = receiver.requests[0]
    text = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    expected = base64.b64encode(hmac.new(RAW_KEY, text, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{expected}"
    assert receiver.body()["case"]["key_id"] == "key_victim"


def test_the_published_vector_of_standard_webhooks_verifies() -> None:
    key = key_bytes(Secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"))
    headers = signed(key, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_the_same_message_has_the_same_id_and_another_has_another(receiver: Receiver) -> None:
    notifier = WebhookNotifier(hook(receiver))
    for message in (alert(), alert(), alert("case_2"), Reminder(alert(), 1, 15)):
        notifier.send(message)
    ids = [headers["webhook-id"] for headers, _ in receiver.requests]
    assert ids[0] == ids[1]
    assert len(set(ids)) == 3


@pytest.mark.parametrize(
    ("status", "kind"),
    [(429, Transient), (503, Transient), (408, Transient), (400, Refused), (401, Refused), (301, Refused)],
)
def test_each_answer_has_its_consequence_and_shows_no_address(
    status: int, kind: type[KeywatchError], receiver: Receiver
) -> None:
    receiver.status, receiver.headers = status, {"Retry-After": "7", "Location": "http://127.0.0.1:1/"}
    with pytest.raises(kind) as caught:
        hook(receiver).post("u", {})
    assert "secret-path" not in str(caught.value)
    if isinstance(caught.value, Transient):
        assert caught.value.retry_after_s == 7
    assert len(receiver.requests) == 1  # no redirect was followed


@pytest.mark.parametrize("status", [200, 204, 409, 410])
def test_what_is_taken_or_known_already_is_done(status: int, receiver: Receiver) -> None:
    receiver.status = status
    hook(receiver).post("u", {})


def test_nobody_listening_is_transient() -> None:
    with pytest.raises(Transient):
        Webhook(Secret("http://127.0.0.1:1/secret-path"), KEY, CLOCK).post("u", {})


@pytest.mark.parametrize("key", ["", "whsec_", "whsec_###", "whsec_c2hvcnQ="])
def test_a_key_that_is_none_is_fatal_and_not_shown(key: str) -> None:
    with pytest.raises(Fatal) as refused:
        key_bytes(Secret(key))
    assert "c2hvcnQ" not in str(refused.value)


def test_owners_hear_through_the_operators_own_system(receiver: Receiver) -> None:
    keys = MemoryKeyStore(CLOCK, None)
    keys.import_external("key_victim", "acme", "team 7")
    errand = TellOwner(
        case_id="case_1", key_id="key_victim", event=OwnerEvent.REVOKED, why="leaked", way="webhook"
    )
    OwnerWebhook(hook(receiver), keys).tell(errand)
    body = receiver.body()
    assert (body["type"], body["owner"], body["reason"]) == ("key.revoked", "team 7", "leaked")
