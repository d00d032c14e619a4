"""The gate as a FastAPI dependency: routes say themselves that they need a key (extra ``console``)."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Final

from fastapi import FastAPI
from fastapi.exceptions import HTTPException, WebSocketException
from fastapi.openapi.models import APIKey, APIKeyIn, HTTPBearer
from fastapi.security.base import SecurityBase
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response

from domain.errors import Fatal, Reason
from keystore.middleware.asgi import (
    POLICY_VIOLATION,
    THREADS,
    App,
    Receive,
    Recorder,
    Scope,
    Send,
    closing,
    entered,
)
from keystore.middleware.gate import Gate, Visit
from keystore.results import Verified

_VISITS: Final = "keywatch.visits"


class KeyRefused(HTTPException):
    """A refused request; its ``answer`` is what the client gets."""

    def __init__(self, visit: Visit) -> None:
        assert visit.answer is not None  # noqa: S101 - for the type checker; only refused visits come here
        self.answer = visit.answer
        super().__init__(visit.answer.status)


class ApiKey(SecurityBase):
    """``Depends(api_key)`` answers a :class:`keystore.results.Verified`, or refuses the request.

    ::

        api_key = ApiKey(open_gate())
        app = FastAPI()
        api_key.install(app)

        @app.get("/v1/items")
        async def items(key: Annotated[Verified | None, Depends(api_key)]) -> list[Item]: ...

    None only while the store does not answer and the gate is set to fail open. The OpenAPI document shows
    the route as one that needs a key.
    """

    def __init__(self, gate: Gate, scheme_name: str = "ApiKey") -> None:
        self._gate = gate
        self._pool = ThreadPoolExecutor(THREADS, "key-gate")
        self.scheme_name = scheme_name
        name = gate.settings.key_header
        self.model = APIKey.model_validate({"in": APIKeyIn.header, "name": name}) if name else HTTPBearer()

    def install(self, app: FastAPI) -> None:
        """Needed once: refusals become problem details, and usage events get the answers' status."""
        app.add_middleware(_Recording, gate=self._gate)
        app.add_exception_handler(KeyRefused, _answered)

    async def __call__(self, connection: HTTPConnection) -> Verified | None:
        scope = connection.scope
        if _VISITS not in scope:
            raise Fatal(Reason.CONFIG, "ApiKey: call its install(app) when the application is made")
        visit = await entered(self._gate, scope, self._pool)
        scope[_VISITS].append(visit)
        if visit.answer is None:
            return visit.key
        if scope["type"] == "websocket":
            raise WebSocketException(POLICY_VIOLATION)
        raise KeyRefused(visit)


class _Recording:
    """ASGI middleware: the events of the visits that the dependency made."""

    def __init__(self, app: App, gate: Gate) -> None:
        self._app = app
        self._gate = gate

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, closing(self._gate, send))
            return
        visits: list[Visit] = []
        scope[_VISITS] = visits
        recorder = Recorder(receive, send, lambda: visits[-1] if visits else None)
        try:
            await self._app(scope, recorder.receive, recorder.send)
        finally:
            recorder.leave(self._gate)


def _answered(request: Request, error: Exception) -> Response:
    del request
    assert isinstance(error, KeyRefused)  # noqa: S101 - registered for it
    answer = error.answer
    response = Response(answer.body, answer.status)
    response.headers.update(dict(answer.headers))
    return response
