"""The same small application behind each kind of middleware, and a way to call it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

import httpx
from fastapi import Depends, FastAPI, Request
from starlette.responses import Response

from domain.event import UsageEvent
from keystore.middleware import asgi, wsgi
from keystore.middleware.fastapi import ApiKey
from keystore.middleware.gate import Gate
from keystore.results import Verified

Call = Callable[..., httpx.Response]

BODY: Final = b"the answer"


class Told:
    """Usage events and remarkable things, kept."""

    def __init__(self) -> None:
        self.events: list[UsageEvent] = []
        self.lines: list[tuple[str, Mapping[str, object]]] = []
        self.closed = 0

    def emit(self, event: UsageEvent) -> None:
        self.events.append(event)

    def close(self) -> None:
        self.closed += 1

    def tell(self, event: str, **fields: object) -> None:
        self.lines.append((event, fields))

    def everything(self) -> str:
        return repr((self.events, self.lines))


async def asgi_app(scope: Any, receive: Any, send: Any) -> None:
    """Says whose key it was called with; ``/v1/broken`` breaks."""
    if scope["type"] == "lifespan":
        for stage in ("startup", "shutdown"):
            await receive()
            await send({"type": f"lifespan.{stage}.complete"})
        return
    if scope["path"] == "/v1/broken":
        raise ZeroDivisionError
    more = True
    while more:
        more = (await receive()).get("more_body", False)
    key: Verified | None = scope["keywatch.key"]
    headers = [(b"x-key-id", (key.key_id if key else "nobody").encode())]
    await send({"type": "http.response.start", "status": 201, "headers": headers})
    await send({"type": "http.response.body", "body": BODY[:4], "more_body": True})
    await send({"type": "http.response.body", "body": BODY[4:]})


def wsgi_app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    """The same for WSGI."""
    if environ["PATH_INFO"] == "/v1/broken":
        raise ZeroDivisionError
    environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    key: Verified | None = environ["keywatch.key"]
    start_response("201 Created", [("X-Key-Id", key.key_id if key else "nobody")])
    return [BODY[:4], BODY[4:]]


def fastapi_app(gate: Gate) -> FastAPI:
    """The same with a dependency."""
    app, api_key = FastAPI(), ApiKey(gate)
    api_key.install(app)

    @app.api_route("/{path:path}", methods=["GET", "POST"], status_code=201)
    async def items(
        path: str,
        request: Request,
        key: Verified | None = Depends(api_key),  # noqa: B008 - api_key is not in the module
    ) -> Response:
        if path == "v1/broken":
            raise ZeroDivisionError
        await request.body()
        return Response(BODY, 201, {"X-Key-Id": key.key_id if key else "nobody"})

    return app


def by_asgi(gate: Gate) -> Call:
    return asgi_call(asgi.KeyMiddleware(asgi_app, gate))


def by_wsgi(gate: Gate) -> Call:
    """Called from an address of documentation networks, like the others."""
    transport = httpx.WSGITransport(wsgi.KeyMiddleware(wsgi_app, gate), remote_addr=PEER)

    def call(method: str, url: str, **more: Any) -> httpx.Response:
        with httpx.Client(transport=transport, base_url="http://api.example") as client:
            return client.request(method, url, **more)

    return call


def by_fastapi(gate: Gate) -> Call:
    return asgi_call(fastapi_app(gate))


PEER: Final = "198.18.0.9"


def asgi_call(app: Any) -> Call:
    """Calls an ASGI application from :data:`PEER`."""

    async def call(method: str, url: str, **more: Any) -> httpx.Response:
        transport = httpx.ASGITransport(app, client=(PEER, 4711))
        async with httpx.AsyncClient(transport=transport, base_url="http://api.example") as client:
            return await client.request(method, url, **more)

    return lambda method, url, **more: asyncio.run(call(method, url, **more))
