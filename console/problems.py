"""Errors as the API tells them: RFC 9457 problem details, one table for all."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any, Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException

from domain.errors import Fatal, KeywatchError, Reason, Refused, Rejected, Transient

API: Final = "/api/"
PROBLEM: Final = "application/problem+json"
RETRY_AFTER_S: Final = 5
TYPE: Final = "urn:keywatch:problem:"
OURS: Final = "something is wrong on our side; the log says what"
Tell = Callable[[Request, int, str, Mapping[str, str] | None], Response]
"""Tells a browser: the status, what is wrong, and headers."""
_REJECTED: Final = {Reason.NOT_JSON: 400, Reason.TOO_LARGE: 413}
_REFUSED: Final = {Reason.NOT_FOUND: 404, Reason.DENIED: 403}
_NAMES: Final = {
    400: "bad_request",
    401: "unauthorized",
    403: "denied",
    404: "not_found",
    405: "method_not_allowed",
    409: "conflict",
    412: "changed_meanwhile",
    413: "too_large",
    415: "unsupported_media_type",
    422: "invalid",
    428: "precondition_required",
    429: "too_many_requests",
    500: "internal",
    503: "unavailable",
}


def status_of(error: KeywatchError, *, conditional: bool = False) -> int:
    """The HTTP status of an error; a lost race is 412 where the request said what it saw (``If-Match``)."""
    if isinstance(error, Refused):
        lost = conditional and error.reason is Reason.CONFLICT
        return 412 if lost else _REFUSED.get(error.reason, 409)
    if isinstance(error, Rejected):
        return _REJECTED.get(error.reason, 422)
    return 503 if isinstance(error, Transient) else 500


def problem(status: int, detail: str, reason: str = "", **more: Any) -> Response:
    """One problem. ``reason`` is the error's own where it has one, and the end of ``type``."""
    name = reason or _NAMES.get(status, "error")
    headers = dict(more.pop("headers", None) or {})
    if status == 503:
        headers.setdefault("Retry-After", str(RETRY_AFTER_S))
    body = {
        "type": TYPE + name,
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "reason": name,
        **more,
    }
    return JSONResponse(body, status, headers, PROBLEM)


def of(error: KeywatchError, *, conditional: bool = False) -> Response:
    """An error of ours. What a ``Fatal`` says of our insides is not told."""
    status = status_of(error, conditional=conditional)
    if status == 500:
        return problem(500, OURS)
    headers = {}
    if isinstance(error, Transient) and error.retry_after_s:
        headers["Retry-After"] = str(max(1, round(error.retry_after_s)))
    reason = "" if status == 412 else error.reason.value
    return problem(status, str(error), reason, headers=headers)


def note(request: Request, error: KeywatchError) -> None:
    """A ``Fatal`` should not happen while we answer: whoever keeps the log hears of it."""
    if isinstance(error, Fatal):
        request.state.failed = error


def add_handlers(app: FastAPI, tell: Tell | None = None) -> None:
    """Problems for what is under ``/api/``; ``tell`` answers browsers, which else get plain text."""

    def ours(request: Request, error: Exception) -> Response:
        assert isinstance(error, KeywatchError)  # noqa: S101 - what it is registered for
        note(request, error)
        if tell and _by_browser(request):
            return tell(request, status_of(error), str(error), None)
        return of(error, conditional="if-match" in request.headers)

    def http(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)  # noqa: S101 - what it is registered for
        if not _by_browser(request):
            return problem(error.status_code, str(error.detail), headers=error.headers)
        if tell:
            return tell(request, error.status_code, str(error.detail), error.headers)
        return Response(f"{error.detail}\n", error.status_code, dict(error.headers or {}), "text/plain")

    app.add_exception_handler(KeywatchError, ours)
    app.add_exception_handler(HTTPException, http)
    app.add_exception_handler(RequestValidationError, _invalid)


def _by_browser(request: Request) -> bool:
    return not str(request.scope["path"]).startswith(API)


def _invalid(request: Request, error: Exception) -> Response:
    """Where and why; never the value, which may be somebody's secret pasted into the wrong field."""
    del request
    assert isinstance(error, RequestValidationError)  # noqa: S101 - what it is registered for
    errors = [
        {"where": "/".join(str(part) for part in one["loc"]), "what": str(one["msg"])}
        for one in error.errors()
    ]
    if any(one["type"] == "json_invalid" for one in error.errors()):
        return problem(400, "the body is not JSON", "not_json", errors=errors)
    return problem(422, "the request is not as this operation needs it", errors=errors)
