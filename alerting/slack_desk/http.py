"""What Slack posts to us over HTTP: signed requests only, each once.

The signature is Slack's v0 scheme over the raw body. Whatever the verifier raises (slack_sdk's does, on a
timestamp that is no number, a body that is not UTF-8, a signature that is not ASCII) is answered 401.
"""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import parse_qsl

import msgspec
from slack_sdk.signature import Clock as SlackClock
from slack_sdk.signature import SignatureVerifier
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from alerting.slack_desk.entry import Entry
from domain.clock import Clock
from domain.errors import KeywatchError
from domain.secret import Secret

BODY_MAX: Final = 1 << 20
_SIGNATURE: Final = "x-slack-signature"
_TIMESTAMP: Final = "x-slack-request-timestamp"


class _PassedClock(SlackClock):
    """slack_sdk's verifier asks this for the time."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def now(self) -> float:
        return self._clock.now()


class Signed:
    """Who posts knows the signing secret, posted within five minutes, and for the first time."""

    def __init__(self, secret: Secret, entry: Entry, clock: Clock) -> None:
        self._verifier = SignatureVerifier(secret.reveal(), _PassedClock(clock))
        self._entry = entry

    def passes(self, body: bytes, headers: dict[str, str]) -> bool:
        """Blocks for a round trip to Redis once the signature is good."""
        try:
            good = self._verifier.is_valid(body, headers[_TIMESTAMP], headers[_SIGNATURE])
            return good and self._entry.fresh(f"{headers[_TIMESTAMP]} {headers[_SIGNATURE]}")
        except Exception:
            return False


def slack_app(secret: Secret, entry: Entry, clock: Clock) -> Starlette:
    """``POST /slack/interactive`` and ``POST /slack/command``."""
    signed = Signed(secret, entry, clock)

    async def checked(request: Request) -> bytes | None:
        body = await _body(request)
        headers = dict(request.headers)
        good = body is not None and await run_in_threadpool(signed.passes, body, headers)
        return body if good else None

    async def interactive(request: Request) -> Response:
        body = await checked(request)
        if body is None:
            return Response(status_code=401)
        payload = _payload(body)
        if payload is None:
            return Response(status_code=400)
        answer = await run_in_threadpool(entry.interaction, payload)
        return JSONResponse(answer) if answer else Response()  # an empty body closes a modal

    async def command(request: Request) -> Response:
        body = await checked(request)
        if body is None:
            return Response(status_code=401)
        return JSONResponse(await run_in_threadpool(entry.command, _form(body)))

    return Starlette(
        routes=[
            Route("/slack/interactive", interactive, methods=["POST"]),
            Route("/slack/command", command, methods=["POST"]),
        ]
    )


async def _body(request: Request) -> bytes | None:
    """The raw body; None when it is longer than anything Slack sends."""
    raw = b""
    async for chunk in request.stream():
        raw += chunk
        if len(raw) > BODY_MAX:
            return None
    return raw


def _form(body: bytes) -> dict[str, str]:
    return dict(parse_qsl(body.decode(errors="replace"), keep_blank_values=True))


def _payload(body: bytes) -> dict[str, Any] | None:
    try:
        found = msgspec.json.decode(_form(body).get("payload", ""))
    except (msgspec.DecodeError, KeywatchError):
        return None
    return found if isinstance(found, dict) else None
