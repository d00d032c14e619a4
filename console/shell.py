"""Around every answer: security headers, a limit to what is taken in, and no traceback that gets out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from console.problems import OURS, problem

CSP: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "font-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS: Final = {
    "Content-Security-Policy": CSP,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # not no-referrer: with that browsers send `Origin: null` with our own forms
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
HSTS: Final = "max-age=63072000; includeSubDomains"


class Shell:
    """Outermost of all. ``failed`` hears of what should not happen."""

    def __init__(
        self, app: ASGIApp, body_max: int, *, secure: bool, failed: Callable[[str, Exception], None]
    ) -> None:
        self._app = app
        self._body_max = body_max
        self._headers = {**HEADERS, **({"Strict-Transport-Security": HSTS} if secure else {})}
        self._failed = failed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        begun = False

        async def dressed(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = True
                self._dress(scope, MutableHeaders(scope=message))
            await send(message)

        try:
            await self._app(scope, _limited(receive, self._body_max), dressed)
        except Exception as error:
            self._failed(scope["path"], error)
            if not begun:
                await problem(500, OURS)(scope, receive, dressed)
        else:
            told = scope.get("state", {}).get("failed")
            if told is not None:
                self._failed(scope["path"], told)

    def _dress(self, scope: Scope, headers: MutableHeaders) -> None:
        for name, value in self._headers.items():
            headers.setdefault(name, value)
        headers.setdefault("Cache-Control", "no-store")  # files say otherwise themselves
        usage = scope.get("state", {}).get("usage")
        if usage is not None:
            headers.update(usage.headers)


def _limited(receive: Receive, most: int) -> Receive:
    taken = 0

    async def limited() -> Message:
        nonlocal taken
        message = await receive()
        taken += len(message.get("body", b""))
        if taken > most:
            raise HTTPException(413, f"the body is longer than {most} bytes")
        return message

    return limited
