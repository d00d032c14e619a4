"""The gate for ASGI: Starlette, FastAPI, Django, Litestar, Quart, or no framework at all."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from typing import Any, Final

from domain.leak import without_secrets
from keystore.middleware.call import Call
from keystore.middleware.gate import Gate, Visit
from keystore.middleware.problem import Answer

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

KEY: Final = "keywatch.key"
"""Where the application finds whose key it is: a :class:`keystore.results.Verified`, or None."""
THREADS: Final = 16
"""Lookups at once; a store that hangs holds these, and not the application's own threads."""
POLICY_VIOLATION: Final = 1008
"""WebSocket close code, RFC 6455 section 7.4.1."""


class KeyMiddleware:
    """Lets requests with a good key through to ``app``, and WebSockets alike; answers the others itself.

    The store is asked in a thread. Usage events that wait are sent when the server shuts down.
    Put it outside of everything that reads the request, but inside of CORS: a preflight has no key.
    """

    def __init__(self, app: App, gate: Gate, threads: int = THREADS) -> None:
        self._app = app
        self._gate = gate
        self._pool = ThreadPoolExecutor(threads, "key-gate")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, closing(self._gate, send))
        elif scope["type"] in ("http", "websocket"):
            await self._guarded(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _guarded(self, scope: Scope, receive: Receive, send: Send) -> None:
        visit = await entered(self._gate, scope, self._pool)
        if visit.answer is not None:
            try:
                await refuse(scope, receive, send, visit.answer)
            finally:
                self._gate.leave(visit, visit.answer.status, 0, len(visit.answer.body))
            return
        recorder = Recorder(receive, send, lambda: visit)
        try:
            await self._app(scope, recorder.receive, recorder.send)
        finally:
            recorder.leave(self._gate)


async def entered(gate: Gate, scope: Scope, pool: ThreadPoolExecutor) -> Visit:
    """The visit of a request, with its key in the scope, and the scope without a key in its URL."""
    visit = await asyncio.get_running_loop().run_in_executor(pool, gate.enter, call_of(scope))
    scope[KEY] = visit.key
    if visit.exposed:
        hide_url(scope)
    return visit


def call_of(scope: Scope) -> Call:
    """The request of an HTTP or WebSocket scope."""
    fields: list[tuple[bytes, bytes]] = scope["headers"]
    client: Sequence[Any] | None = scope.get("client")

    def headers(name: str) -> list[str]:
        wanted = name.encode("latin-1")
        return [value.decode("latin-1") for key, value in fields if key == wanted]

    return Call(
        method=scope.get("method", "GET"),
        path=scope["path"],
        query=scope.get("query_string", b"").decode("latin-1"),
        peer=str(client[0]) if client else "",
        headers=headers,
    )


def hide_url(scope: Scope) -> None:
    """Servers such as uvicorn write their access log from this very scope, after the answer."""
    scope["query_string"] = b""
    scope["path"] = without_secrets(scope["path"])
    scope["raw_path"] = without_secrets(scope.get("raw_path", b"").decode("latin-1")).encode("latin-1")


async def refuse(scope: Scope, receive: Receive, send: Send, answer: Answer) -> None:
    """Send the answer. A WebSocket is denied before it opens, with the answer where the server can."""
    kind = "http.response"
    if scope["type"] == "websocket":
        await receive()  # websocket.connect
        if "websocket.http.response" not in scope.get("extensions", {}):
            await send({"type": "websocket.close", "code": POLICY_VIOLATION})
            return
        kind = "websocket.http.response"
    await send({"type": f"{kind}.start", "status": answer.status, "headers": encoded(answer.headers)})
    await send({"type": f"{kind}.body", "body": answer.body})


def encoded(headers: Sequence[tuple[str, str]]) -> list[tuple[bytes, bytes]]:
    """As ASGI carries them."""
    return [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers]


def closing(gate: Gate, send: Send) -> Send:
    """A ``send`` of the lifespan that closes the gate when the application has ended."""

    async def sending(message: Message) -> None:
        if message["type"] in ("lifespan.shutdown.complete", "lifespan.shutdown.failed"):
            await asyncio.get_running_loop().run_in_executor(None, gate.close)
        await send(message)

    return sending


class Recorder:
    """Counts what goes in and out for a visit that may come to be only while the application runs."""

    def __init__(self, receive: Receive, send: Send, visit: Callable[[], Visit | None]) -> None:
        self._receive = receive
        self._send = send
        self._visit = visit
        self._status: int = HTTPStatus.INTERNAL_SERVER_ERROR
        self._in = self._out = 0

    async def receive(self) -> Message:
        """What the client sends."""
        message = await self._receive()
        self._in += len(message.get("body") or message.get("bytes") or message.get("text") or b"")
        return message

    async def send(self, message: Message) -> None:
        """What the application answers, with the headers of the visit."""
        kind = message["type"]
        if kind in ("http.response.start", "websocket.http.response.start", "websocket.accept"):
            self._status = message.get("status", HTTPStatus.SWITCHING_PROTOCOLS)
            visit = self._visit()
            if visit is not None and visit.headers:
                message["headers"] = [*message.get("headers", ()), *encoded(visit.headers)]
        self._out += len(message.get("body") or message.get("bytes") or message.get("text") or b"")
        await self._send(message)

    def leave(self, gate: Gate) -> None:
        """The application is done, well or not."""
        visit = self._visit()
        if visit is not None:
            gate.leave(visit, self._status, self._in, self._out)
