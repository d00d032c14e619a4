"""The HTTP that all adapters share: retries, waits, errors, limits, redirects, TLS."""

from __future__ import annotations

import datetime
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from domain.clock import ManualClock
from domain.errors import Fatal, KeywatchError, Reason, Refused, Transient
from keystore.adapters.address_guard import AddressGuard
from keystore.adapters.http import MAX_ANSWER_BYTES, Answer, Api, Place, segment
from keystore.adapters.patience import Patience, retry_after_s
from keystore.adapters.pinned import PinnedTransport
from tests.web import serving

PLACE = Place("Vendor", "keystore.vendor")


class Waits:
    """A clock that remembers how long it was slept on."""

    def __init__(self) -> None:
        self.clock = ManualClock(1_000_000.0)
        self.slept: list[float] = []

    def __call__(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.clock.advance(seconds)


@pytest.fixture
def waits() -> Waits:
    return Waits()


def api(waits: Waits, handler: Callable[[httpx.Request], httpx.Response], **options: Any) -> Api:
    client = httpx.Client(transport=httpx.MockTransport(handler))
    patience = Patience(waits, lambda: 0.5)
    return Api(PLACE, client, "https://vendor.example/api/", patience, waits.clock, **options)


def replies(*statuses: int, **options: Any) -> Callable[[httpx.Request], httpx.Response]:
    left = list(statuses)
    return lambda _: httpx.Response(left.pop(0), **options)


def test_reads_back_off_with_jitter_and_stop(waits: Waits) -> None:
    with pytest.raises(Transient) as caught:
        api(waits, replies(500, 502, 503, 200)).read("/x")
    assert (caught.value.reason, waits.slept) == (Reason.SERVER_ERROR, [0.1, 0.2])
    assert api(waits, replies(503, 503, 200)).read("/x").status == 200


def test_a_short_retry_after_is_waited_for_and_a_long_one_is_passed_on(waits: Waits) -> None:
    short = iter([httpx.Response(429, headers={"Retry-After": "1"}), httpx.Response(200)])
    assert api(waits, lambda _: next(short)).write("POST", "/x").status == 200
    assert waits.slept == [1.1]
    with pytest.raises(Transient) as caught:
        api(waits, replies(429, headers={"Retry-After": "30"})).read("/x")
    assert (caught.value.retry_after_s, waits.slept) == (30.0, [1.1])


@pytest.mark.parametrize("status", [500, 502, 503, 504, 408])
def test_a_write_that_may_have_happened_is_sent_once(waits: Waits, status: int) -> None:
    sent: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        sent.append(request)
        return httpx.Response(status)

    with pytest.raises(Transient):
        api(waits, handler).write("POST", "/x")
    assert len(sent) == 1


@pytest.mark.parametrize(
    ("error", "reason", "attempts"),
    [
        (httpx.ConnectError("no"), Reason.UNREACHABLE, 3),
        (httpx.ConnectTimeout("no"), Reason.UNREACHABLE, 3),
        (httpx.ReadTimeout("no"), Reason.TIMEOUT, 1),
        (httpx.RemoteProtocolError("no"), Reason.TIMEOUT, 1),
        (httpx.WriteError("no"), Reason.TIMEOUT, 1),
    ],
)
def test_a_write_is_sent_again_only_when_it_was_never_received(
    waits: Waits, error: httpx.HTTPError, reason: Reason, attempts: int
) -> None:
    tried: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        tried.append(request)
        raise error

    with pytest.raises(Transient) as caught:
        api(waits, handler).write("POST", "/x", json={"a": 1})
    assert (caught.value.reason, len(tried)) == (reason, attempts)


@pytest.mark.parametrize(
    ("status", "kind", "reason"),
    [
        (301, Refused, Reason.DENIED),
        (307, Refused, Reason.DENIED),
        (400, Refused, Reason.DENIED),
        (401, Fatal, Reason.CREDENTIALS),
        (403, Fatal, Reason.CREDENTIALS),
        (404, Refused, Reason.NOT_FOUND),
        (409, Refused, Reason.DENIED),
        (422, Refused, Reason.DENIED),
    ],
)
def test_answers_become_errors_that_show_no_url(
    waits: Waits, status: int, kind: type[KeywatchError], reason: Reason
) -> None:
    handler = replies(status, headers={"Location": "http://169.254.169.254/"}, json={"message": "k3y"})
    with pytest.raises(kind) as caught:
        api(waits, handler).read("/path-with-k3y")
    assert caught.value.reason is reason
    assert "k3y" not in str(caught.value)


def test_what_the_vendor_says_is_shown_when_it_may_be_and_on_one_line(waits: Waits) -> None:
    handler = replies(400, json={"message": "bad\x1b[2J\nid " + "x" * 500})
    with pytest.raises(Refused) as caught:
        api(waits, handler, tells=lambda body: body["message"]).read("/x")
    assert str(caught.value).startswith("Vendor answered 400 (bad [2J id xxx")
    assert len(str(caught.value)) < 220
    odds: list[Any] = [[], "text", {"other": 1}, None]
    for odd in odds:
        with pytest.raises(Refused, match=r"answered 400$"):
            api(waits, replies(400, json=odd), tells=lambda body: body["message"]).read("/x")


def test_an_answer_that_never_ends_is_cut(waits: Waits) -> None:
    with pytest.raises(Transient, match="more than 4 MiB"):
        api(waits, lambda _: httpx.Response(200, content=b"x" * (MAX_ANSWER_BYTES + 1))).write("POST", "/x")


@pytest.mark.parametrize("body", [b"", b"<html>", b"[" * 100_000, b"null", b"[]"])
def test_an_answer_that_is_not_as_documented_is_transient(waits: Waits, body: bytes) -> None:
    class Key(msgspec.Struct):
        enabled: bool

    answer = api(waits, lambda _: httpx.Response(200, content=body)).read("/x")
    with pytest.raises(Transient, match="not as its documentation"):
        answer.into(Key)
    assert "enabled" not in repr(Answer(200, {}, {"enabled": "k3y"}))


def test_a_credential_is_asked_for_at_each_attempt_and_sent_to_no_other_place(waits: Waits) -> None:
    given = iter(["old", "new"])
    seen: list[str] = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request.headers["x-token"])
        return httpx.Response(503 if len(seen) == 1 else 200)

    api(waits, handler, credential=lambda: {"x-token": next(given)}).read("/x")
    assert seen == ["old", "new"]


@pytest.mark.parametrize("text", ["", ".", ".."])
def test_a_path_segment_cannot_leave_its_place(text: str) -> None:
    with pytest.raises(Refused):
        segment(text)
    assert segment("../a?b#c/%2e\n") == "..%2Fa%3Fb%23c%2F%252e%0A"


@pytest.mark.parametrize(
    ("header", "wait_s"),
    [("0", 0.0), ("-5", 0.0), ("2.5", 2.5), ("99999", 3600.0), ("nan", None), ("inf", None), ("", None)],
)
def test_retry_after_is_never_trusted_blindly(header: str, wait_s: float | None) -> None:
    assert retry_after_s(header, 0.0) == wait_s


# -- over real sockets -------------------------------------------------------------------------------


@contextmanager
def listening(handle: Callable[[BaseHTTPRequestHandler], None], tls: ssl.SSLContext | None) -> Iterator[int]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            handle(self)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    with serving(server):
        yield server.server_port


def ok(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(204)
    handler.end_headers()


def test_a_server_that_does_not_answer_is_given_up(waits: Waits) -> None:
    over = threading.Event()

    def silent(_: BaseHTTPRequestHandler) -> None:
        over.wait(10)

    with listening(silent, None) as port:
        client = httpx.Client(timeout=httpx.Timeout(0.1, connect=5.0))
        slow = Api(PLACE, client, f"http://127.0.0.1:{port}", Patience(waits, lambda: 0.5), waits.clock)
        with pytest.raises(Transient, match=r"ReadTimeout.*outcome is unknown") as caught:
            slow.write("POST", "/x")
        over.set()
        client.close()
    assert caught.value.reason is Reason.TIMEOUT


def test_nobody_listening_is_unreachable(waits: Waits) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        nobody = Api(PLACE, httpx.Client(), url, Patience(waits, lambda: 0.5), waits.clock)
        with pytest.raises(Transient, match=r"check keystore\.vendor") as caught:
            nobody.write("POST", "/x")
    assert caught.value.reason is Reason.UNREACHABLE


def certificate(name: str, directory: Path) -> tuple[ssl.SSLContext, Path]:
    """A server's TLS context with a certificate of its own for ``name``, and the certificate's file."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    start = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(start)
        .not_valid_after(start + datetime.timedelta(days=36_500))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = directory / f"{name}.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context, path


@pytest.mark.parametrize(("name", "trusted"), [("hooks.example", True), ("other.example", False)])
def test_tls_is_checked_against_the_name_although_the_address_is_connected_to(
    waits: Waits, tmp_path: Path, name: str, trusted: bool
) -> None:
    tls, path = certificate(name, tmp_path)
    hosts: list[str] = []

    def handle(handler: BaseHTTPRequestHandler) -> None:
        hosts.append(handler.headers["Host"])
        ok(handler)

    with listening(handle, tls) as port:
        inner = httpx.HTTPTransport(verify=ssl.create_default_context(cafile=str(path)))
        guard = AddressGuard([ip_network("127.0.0.0/8")])
        client = httpx.Client(transport=PinnedTransport(inner, guard, lambda *_: ["127.0.0.1"]))
        url = f"https://hooks.example:{port}/hook"
        hook = Api(PLACE, client, url, Patience(waits, lambda: 0.5, attempts=1), waits.clock)
        if trusted:
            assert hook.write("POST", "").status == 204
            assert hosts == [f"hooks.example:{port}"]
        else:
            with pytest.raises(Transient):
                hook.write("POST", "")
            assert hosts == []
        client.close()
