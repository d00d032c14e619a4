"""What only one kind of middleware does, and the parts that all share."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest
from fastapi import Depends, FastAPI, WebSocket
from hypothesis import given
from hypothesis import strategies as st
from kafka import errors as kafka_errors

from domain.clock import ManualClock
from domain.errors import Fatal, Reason
from domain.event import UsageEvent
from domain.leak import hashed_id, names_leak, secrets_in, without_secrets
from keystore.hashing import Peppers
from keystore.memory_store import MemoryKeyStore
from keystore.middleware import asgi, wsgi
from keystore.middleware.fastapi import ApiKey
from keystore.middleware.gate import Gate
from keystore.middleware.proxies import TrustedProxies
from keystore.middleware.settings import GateSettings
from keystore.middleware.usage import KafkaUsage, UsageCounts
from keystore.token import generate
from tests.doors import Told, asgi_call

CLOCK = ManualClock(1_767_225_600.0)
EVENT = UsageEvent(ts=1, key_id="k")


def gated() -> tuple[Gate, Told, str]:
    """A gate, what it tells, and the header of a key that it lets in."""
    store, told = MemoryKeyStore(CLOCK, Peppers.generate()), Told()
    issued = store.issue("acme", "ops", scopes=("GET:/**",))
    return Gate(store, told, CLOCK, GateSettings(), told.tell), told, f"Bearer {issued.secret.reveal()}"


# -- the client's address ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("hops", "forwarded", "client"),
    [
        (0, ["203.0.113.5"], "198.18.0.9"),
        (1, ["10.9.9.9, 203.0.113.5"], "203.0.113.5"),
        (2, ["10.9.9.9", "203.0.113.5"], "10.9.9.9"),
        (2, ["203.0.113.5"], "203.0.113.5"),
        (9, [], "198.18.0.9"),
        (1, ["203.0.113.5:4711"], "203.0.113.5"),
        (1, ["[2001:db8::7]:443"], "2001:db8::7"),
        (1, ["::ffff:203.0.113.5"], "203.0.113.5"),
        (1, ["unknown"], ""),
        (1, [""], ""),
    ],
)
def test_hops_count_from_the_right(hops: int, forwarded: list[str], client: str) -> None:
    assert TrustedProxies(hops).client("198.18.0.9", forwarded) == client


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("198.18.0.9", ["10.9.9.9, 203.0.113.5"], "203.0.113.5"),
        ("198.18.0.9", ["203.0.113.5, 198.18.7.7"], "203.0.113.5"),
        ("192.0.2.1", ["203.0.113.5"], "192.0.2.1"),
        ("198.18.0.9", ["198.18.7.7"], "198.18.7.7"),
        ("198.18.0.9", ["garbage, 198.18.7.7"], "198.18.7.7"),
        ("198.18.0.9", [], "198.18.0.9"),
        ("", ["203.0.113.5"], ""),
    ],
)
def test_the_client_is_the_first_address_that_is_no_proxy(
    peer: str, forwarded: list[str], client: str
) -> None:
    assert TrustedProxies.of(networks=["198.18.0.0/15"]).client(peer, forwarded) == client


@given(st.lists(st.text(max_size=8), max_size=4), st.integers(0, 5))
def test_what_the_client_writes_on_the_left_never_counts(made_up: list[str], hops: int) -> None:
    ours = ["203.0.113.5", *[f"198.18.0.{n}" for n in range(1, hops)]]
    forwarded = [",".join([*made_up, *ours[: hops or 0]])]
    expected = "203.0.113.5" if hops else "198.18.0.9"
    assert TrustedProxies(hops).client("198.18.0.9", forwarded) == expected


def test_settings_that_contradict_are_refused() -> None:
    for hops, networks in ((1, ["10.0.0.0/8"]), (-1, []), (0, ["10.0.0.1/8"])):
        with pytest.raises(Fatal, match="trusted proxies") as caught:
            TrustedProxies.of(hops, networks)
        assert caught.value.reason is Reason.CONFIG


# -- secrets in text ---------------------------------------------------------------------------------


def test_secrets_are_found_anywhere_and_replaced_by_their_names() -> None:
    one, two = generate("sk_live").reveal(), generate("pk_test").reveal()
    text = f"a={one}&my_{two}; {one[:-1]}0"
    assert secrets_in(text)[:2] == [one, two]
    clean = without_secrets(f"/v1/{one}/x/{two}")
    assert clean == f"/v1/{hashed_id(one)}/x/{hashed_id(two)}"
    assert names_leak(hashed_id(one))


@given(st.text("sk_livepk_test0aZ", max_size=200))
def test_other_text_is_left_alone(text: str) -> None:
    assert without_secrets(text) == text


# -- ASGI --------------------------------------------------------------------------------------------


def exchanged(app: Any, scope: dict[str, Any], *received: dict[str, Any]) -> list[dict[str, Any]]:
    """What the application sends when it is given these messages."""
    sent: list[dict[str, Any]] = []
    waiting = iter(received)

    async def receive() -> dict[str, Any]:
        return next(waiting)

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    asyncio.run(app({"headers": [], "path": "/", **scope}, receive, send))
    return sent


async def socket_app(scope: Any, receive: Any, send: Any) -> None:
    assert (await receive())["type"] == "websocket.connect"
    await send({"type": "websocket.accept"})
    await receive()
    await send({"type": "websocket.send", "text": "hello"})


def test_a_websocket_needs_a_key_like_any_request() -> None:
    gate, told, authorization = gated()
    app, connect = asgi.KeyMiddleware(socket_app, gate), {"type": "websocket.connect"}
    socket = {"type": "websocket"}
    assert exchanged(app, socket, connect) == [{"type": "websocket.close", "code": 1008}]
    start, body = exchanged(app, socket | {"extensions": {"websocket.http.response": {}}}, connect)
    assert (start["type"], start["status"]) == ("websocket.http.response.start", 401)
    assert b"missing_key" in body["body"]
    good = socket | {"headers": [(b"authorization", authorization.encode())]}
    sent = exchanged(app, good, connect, {"type": "websocket.receive", "text": "abc"})
    assert [message["type"] for message in sent] == ["websocket.accept", "websocket.send"]
    (event,) = told.events
    assert (event.status, event.method, event.bytes_in, event.bytes_out) == (101, "GET", 3, 5)


def test_events_are_flushed_before_the_server_hears_that_the_end_is_reached() -> None:
    gate, told, _ = gated()
    seen: list[int] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "lifespan.startup.complete"})
        seen.append(told.closed)
        await send({"type": "lifespan.shutdown.complete"})

    exchanged(asgi.KeyMiddleware(app, gate), {"type": "lifespan"})
    assert (seen, told.closed) == ([0], 1)


def test_other_scopes_pass() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": scope["type"]})

    gate, _, _ = gated()
    assert exchanged(asgi.KeyMiddleware(app, gate), {"type": "raw"}) == [{"type": "raw"}]


def test_a_key_in_the_url_is_gone_from_what_servers_log() -> None:
    gate, _, authorization = gated()
    secret = authorization.removeprefix("Bearer ")
    scope = {"type": "http", "method": "GET", "headers": [], "path": f"/{secret}", "query_string": b""}
    scope |= {"raw_path": f"/{secret}".encode(), "query_string": f"k={secret}".encode()}
    asyncio.run(asgi.KeyMiddleware(socket_app, gate)(scope, _nothing, _nothing))
    assert secret not in repr(scope)
    environ = {"REQUEST_METHOD": "GET", "PATH_INFO": f"/{secret}", "QUERY_STRING": f"k={secret}"}
    environ |= {"RAW_URI": f"/{secret}?k={secret}", "REQUEST_URI": f"/x?k={secret}"}
    list(wsgi.KeyMiddleware(lambda *_: [], gate)(environ, lambda *_: lambda _data: None))
    assert secret not in repr(environ)


async def _nothing(*_: Any) -> Any:
    return {}


# -- WSGI --------------------------------------------------------------------------------------------


def test_a_response_given_up_half_way_is_closed_and_told() -> None:
    gate, told, authorization = gated()
    closed: list[bool] = []

    class Body:
        def __iter__(self) -> Any:
            yield b"one"
            yield b"two"

        def close(self) -> None:
            closed.append(True)

    def app(environ: Any, start_response: Any) -> Any:
        start_response("200 OK", [])(b"zero")
        return Body()

    environ = {"REQUEST_METHOD": "GET", "PATH_INFO": "/", "HTTP_AUTHORIZATION": authorization}
    body: Any = wsgi.KeyMiddleware(app, gate)(environ, lambda *_: lambda _data: None)
    assert next(iter(body)) == b"one"
    assert told.events == []
    body.close()
    body.close()
    assert closed
    assert [(event.status, event.bytes_out) for event in told.events] == [(200, 7)]


@pytest.mark.parametrize(("length", "told_in"), [("3", 3), ("", 0), ("-3", 0), ("abc", 0)])
def test_a_length_that_the_client_made_up_breaks_nothing(length: str, told_in: int) -> None:
    gate, told, authorization = gated()
    environ = {"REQUEST_METHOD": "GET", "PATH_INFO": "/", "HTTP_AUTHORIZATION": authorization}
    body: Any = wsgi.KeyMiddleware(lambda *_: [], gate)(
        environ | {"CONTENT_LENGTH": length}, lambda *_: lambda _data: None
    )
    body.close()
    assert [event.bytes_in for event in told.events] == [told_in]


# -- FastAPI -----------------------------------------------------------------------------------------


def fastapi_app(gate: Gate) -> FastAPI:
    app, api_key = FastAPI(), ApiKey(gate)
    api_key.install(app)

    @app.get("/open")
    def open_to_all() -> str:
        return "open"

    @app.get("/closed", dependencies=[Depends(api_key)])
    def closed() -> str:
        return "closed"

    @app.websocket("/socket")
    async def socket(socket: WebSocket, key: object = Depends(api_key)) -> None:
        await socket.accept()
        await socket.close()

    return app


def test_only_routes_that_depend_on_a_key_need_one_and_the_document_says_so() -> None:
    gate, told, authorization = gated()
    call = asgi_call(fastapi_app(gate))
    assert call("GET", "/open").status_code == 200
    assert call("GET", "/closed").status_code == 401
    assert call("GET", "/closed", headers={"Authorization": authorization}).json() == "closed"
    document = call("GET", "/openapi.json").json()
    assert document["paths"]["/closed"]["get"]["security"] == [{"ApiKey": []}]
    assert "security" not in document["paths"]["/open"]["get"]
    assert document["components"]["securitySchemes"]["ApiKey"] == {"type": "http", "scheme": "bearer"}
    assert [event.endpoint for event in told.events] == ["/closed"]


def test_events_are_flushed_when_the_application_ends() -> None:
    gate, told, _ = gated()
    sent = exchanged(
        fastapi_app(gate),
        {"type": "lifespan", "state": {}},
        {"type": "lifespan.startup"},
        {"type": "lifespan.shutdown"},
    )
    assert [message["type"] for message in sent] == [
        "lifespan.startup.complete",
        "lifespan.shutdown.complete",
    ]
    assert told.closed == 1


def test_a_websocket_route_may_depend_on_a_key() -> None:
    gate, told, authorization = gated()
    app, connect = fastapi_app(gate), {"type": "websocket.connect"}
    socket = {"type": "websocket", "path": "/socket", "query_string": b"", "subprotocols": []}
    (close,) = exchanged(app, socket, connect)
    assert (close["type"], close["code"]) == ("websocket.close", 1008)
    good = socket | {"headers": [(b"authorization", authorization.encode())]}
    sent = exchanged(app, good, connect)
    assert [message["type"] for message in sent] == ["websocket.accept", "websocket.close"]
    assert [event.status for event in told.events] == [101]


def test_a_bare_header_is_documented_by_its_name() -> None:
    store = MemoryKeyStore(CLOCK, Peppers.generate())
    told = Told()
    key = ApiKey(Gate(store, told, CLOCK, GateSettings(key_header="X-API-Key"), told.tell))
    assert key.model.model_dump(by_alias=True)["name"] == "X-API-Key"


def test_a_dependency_that_was_not_installed_says_what_to_do() -> None:
    gate, _, authorization = gated()
    app = FastAPI()
    app.get("/", dependencies=[Depends(ApiKey(gate))])(lambda: "never")
    with pytest.raises(Fatal, match=r"install\(app\)"):
        asgi_call(app)("GET", "/", headers={"Authorization": authorization})


# -- usage events ------------------------------------------------------------------------------------


class Heard:
    """What an emitter tells, and a way to wait for it."""

    def __init__(self) -> None:
        self.lines: list[tuple[UsageCounts, str]] = []
        self.any = threading.Event()

    def tell(self, counts: UsageCounts, why: str) -> None:
        self.lines.append((counts, why))
        self.any.set()


def emitter(connect: Callable[[], Any], heard: Heard, queued: int = 3) -> KafkaUsage:
    return KafkaUsage(connect, "usage", ManualClock(), heard.tell, queued=queued, close_s=0.1)


def test_a_broker_that_is_away_costs_events_and_never_a_request() -> None:
    def away() -> Any:
        raise kafka_errors.KafkaTimeoutError("whatever it holds")

    heard = Heard()
    usage = emitter(away, heard)
    usage.emit(EVENT)
    assert heard.any.wait(10)  # it is tried and told, in its own thread
    for _ in range(9):
        usage.emit(EVENT)
    assert usage.counts() == UsageCounts(dropped=7)
    usage.close()
    assert usage.counts() == UsageCounts(dropped=10)
    usage.emit(EVENT)
    assert usage.counts().lost == 11
    assert heard.lines[-1][0].lost == 10
    assert heard.lines[0][1] == "the Kafka client could not start: KafkaTimeoutError"


class Producer:
    """Takes events as a client does; the broker's answers are given by hand."""

    def __init__(self, refuses: type[Exception] | None = None) -> None:
        self.refuses = refuses
        self.sent: list[tuple[bytes, bytes]] = []
        self.enough = threading.Event()
        self.answers: list[dict[str, Callable[[object], None]]] = []
        self.closed = False

    def send(self, topic: str, key: bytes, value: bytes) -> Any:
        if self.refuses is not None:
            raise self.refuses
        self.sent.append((key, value))
        if len(self.sent) == 3:
            self.enough.set()
        answer: dict[str, Callable[[object], None]] = {}
        self.answers.append(answer)
        return type(
            "Future",
            (),
            {
                "add_callback": lambda _, f: answer.update(good=f),
                "add_errback": lambda _, f: answer.update(bad=f),
            },
        )()

    def close(self, timeout: float) -> None:
        self.closed = True


def test_a_broker_that_does_not_answer_holds_only_so_many_events() -> None:
    heard, producer = Heard(), Producer()
    usage = emitter(lambda: producer, heard)
    while not producer.enough.wait(0.01):
        usage.emit(EVENT)
    for _ in range(100):
        usage.emit(EVENT)
    assert len(producer.sent) == 3
    assert usage.counts().dropped >= 97
    for answer in producer.answers[:2]:
        answer["good"](None)
    producer.answers[2]["bad"](None)
    usage.close()
    assert producer.closed
    counts = usage.counts()
    assert (counts.delivered, counts.failed) == (2, 1)
    assert producer.sent[0] == (b"k", b'{"ts":1,"key_id":"k","ip":"","method":"","endpoint":"","status":-1,'
                                b'"event_id":null,"bytes_in":null,"bytes_out":null,"latency_ms":null,'
                                b'"user_agent":null,"tenant":null,"country":null,"asn":null,"lat":null,'
                                b'"lon":null}')  # fmt: skip


@pytest.mark.parametrize("error", [kafka_errors.KafkaTimeoutError, ValueError])
def test_an_event_that_cannot_be_sent_is_counted(error: type[Exception]) -> None:
    heard = Heard()
    usage = emitter(lambda: Producer(error), heard)
    usage.emit(EVENT)
    usage.close()
    assert usage.counts() == UsageCounts(failed=1)
    assert heard.lines[-1][0].lost == 1


def test_closing_what_never_began_is_nothing() -> None:
    usage = emitter(lambda: pytest.fail("connected"), Heard())
    usage.close()
    assert usage.counts() == UsageCounts()
