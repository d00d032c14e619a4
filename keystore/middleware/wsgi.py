"""The gate for WSGI: Flask, Django, Pyramid, Bottle, or no framework at all."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from http import HTTPStatus
from typing import Any, Final

from domain.leak import without_secrets
from keystore.middleware.call import Call
from keystore.middleware.gate import Gate, Visit

Environ = dict[str, Any]
StartResponse = Callable[..., Callable[[bytes], object]]
App = Callable[[Environ, StartResponse], Iterable[bytes]]

KEY: Final = "keywatch.key"
"""Where the application finds whose key it is: a :class:`keystore.results.Verified`, or None."""
_URLS: Final = ("QUERY_STRING", "REQUEST_URI", "RAW_URI", "REQUEST_LINE")
"""Where servers keep the URL, and some log from."""


class KeyMiddleware:
    """Lets requests with a good key through to ``app`` and answers the others itself.

    WSGI has no word for the end of the process: call ``gate.close()`` in the server's exit hook, or rely
    on the interpreter's.
    """

    def __init__(self, app: App, gate: Gate) -> None:
        self._app = app
        self._gate = gate

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        visit = self._gate.enter(call_of(environ))
        if visit.exposed:
            hide_url(environ)
        if visit.answer is not None:
            start_response(visit.answer.status_line, list(visit.answer.headers))
            self._gate.leave(visit, visit.answer.status, 0, len(visit.answer.body))
            return [visit.answer.body]
        environ[KEY] = visit.key
        recorder = _Recorder(self._gate, visit, environ, start_response)
        try:
            return recorder.body(self._app(environ, recorder.start_response))
        except BaseException:
            recorder.close()
            raise


def call_of(environ: Environ) -> Call:
    """The request of a WSGI environment. Servers join a header's values with commas (RFC 9110, 5.3)."""

    def headers(name: str) -> tuple[str, ...]:
        value = environ.get("HTTP_" + name.upper().replace("-", "_"))
        return () if value is None else (value,)

    path = environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", "")
    return Call(
        method=environ["REQUEST_METHOD"],
        path=path.encode("latin-1").decode("utf-8", "replace") or "/",
        query=environ.get("QUERY_STRING", ""),
        peer=environ.get("REMOTE_ADDR", ""),
        headers=headers,
    )


def hide_url(environ: Environ) -> None:
    """For servers that write their access log from this very environment, after the answer."""
    for name in _URLS:
        if name in environ:
            path = environ[name].partition("?")[0]
            environ[name] = "" if name == "QUERY_STRING" else without_secrets(path)
    environ["PATH_INFO"] = without_secrets(environ.get("PATH_INFO", ""))


class _Recorder:
    """One response on its way out. The server calls :meth:`close` when it is sent (PEP 3333)."""

    def __init__(self, gate: Gate, visit: Visit, environ: Environ, start_response: StartResponse) -> None:
        self._gate = gate
        self._visit = visit
        self._start_response = start_response
        length = environ.get("CONTENT_LENGTH") or ""
        self._in = int(length) if length.isdecimal() else 0
        self._out = 0
        self._status: int = HTTPStatus.INTERNAL_SERVER_ERROR
        self._body: Iterable[bytes] = ()
        self._left = False

    def start_response(self, status: str, headers: list[tuple[str, str]], *more: Any) -> Any:
        """As the application calls it."""
        self._status = int(status.split(" ", 1)[0])
        write = self._start_response(status, [*headers, *self._visit.headers], *more)

        def counted(data: bytes) -> None:
            self._out += len(data)
            write(data)

        return counted

    def body(self, body: Iterable[bytes]) -> _Recorder:
        """The response itself, to be given to the server."""
        self._body = body
        return self

    def __iter__(self) -> Iterator[bytes]:
        for part in self._body:
            self._out += len(part)
            yield part

    def close(self) -> None:
        """The response is sent, or was given up."""
        try:
            close = getattr(self._body, "close", None)
            if close is not None:
                close()
        finally:
            if not self._left:
                self._left = True
                self._gate.leave(self._visit, self._status, self._in, self._out)
