"""What a refused request is answered: RFC 9457 problem details with a reason for machines.

``WWW-Authenticate`` is RFC 6750's: ``invalid_request`` (400), ``invalid_token`` (401),
``insufficient_scope`` (403). A key that is known and stopped is 403 and not 401: the credentials are
right, and asking for others would be bad advice.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

import msgspec

from keystore.middleware.settings import GateSettings
from keystore.rate import RateStatus
from keystore.refusal import Refusal

CONTENT_TYPE: Final = "application/problem+json"
STORE_AWAY: Final = "store_unavailable"
RETRY_STORE_S: Final = 5
"""How long a caller is asked to wait for a store that does not answer."""

Headers = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole response: the same for every kind of server."""

    status: int
    headers: Headers
    body: bytes

    @property
    def status_line(self) -> str:
        """As WSGI wants it."""
        return f"{self.status} {HTTPStatus(self.status).phrase}"


@dataclass(frozen=True, slots=True)
class _Kind:
    status: HTTPStatus
    detail: str
    bearer_error: str = ""


_HELP: Final = "send it as `Authorization: Bearer KEY`"
_KINDS: Final = {
    Refusal.MISSING_KEY: _Kind(HTTPStatus.UNAUTHORIZED, f"The request carries no API key: {_HELP}."),
    Refusal.KEY_IN_QUERY: _Kind(
        HTTPStatus.BAD_REQUEST,
        "An API key in the query string is written to logs on its way: treat it as leaked, replace it, and "
        f"{_HELP}.",
        "invalid_request",
    ),
    Refusal.SEVERAL_KEYS: _Kind(
        HTTPStatus.BAD_REQUEST, "The request carries more than one API key: send one.", "invalid_request"
    ),
    Refusal.MALFORMED: _Kind(
        HTTPStatus.UNAUTHORIZED, "This is not an API key: check that it was copied whole.", "invalid_token"
    ),
    Refusal.UNKNOWN_KEY: _Kind(
        HTTPStatus.UNAUTHORIZED, "No such API key: check that it belongs to this platform.", "invalid_token"
    ),
    Refusal.REVOKED: _Kind(HTTPStatus.UNAUTHORIZED, "This API key was revoked.", "invalid_token"),
    Refusal.RETIRED: _Kind(
        HTTPStatus.UNAUTHORIZED, "This API key was replaced: use its successor.", "invalid_token"
    ),
    Refusal.EXPIRED: _Kind(HTTPStatus.UNAUTHORIZED, "This API key has expired.", "invalid_token"),
    Refusal.SUSPENDED: _Kind(
        HTTPStatus.FORBIDDEN, "This API key is suspended: ask the platform's operators to review it."
    ),
    Refusal.WRONG_ENVIRONMENT: _Kind(HTTPStatus.FORBIDDEN, "This API key is for another environment."),
    Refusal.IP_NOT_ALLOWED: _Kind(
        HTTPStatus.FORBIDDEN, "This API key may not be used from the address of this request."
    ),
    Refusal.ENDPOINT_NOT_ALLOWED: _Kind(
        HTTPStatus.FORBIDDEN, "This API key has no scope for this endpoint.", "insufficient_scope"
    ),
    Refusal.METHOD_NOT_ALLOWED: _Kind(
        HTTPStatus.FORBIDDEN, "This API key has no scope for this method.", "insufficient_scope"
    ),
    Refusal.RATE_LIMITED: _Kind(
        HTTPStatus.TOO_MANY_REQUESTS, "This API key is over its rate limit: wait as Retry-After says."
    ),
}


def refused(refusal: Refusal, settings: GateSettings, rate: RateStatus | None = None) -> Answer:
    """The answer to a request that the gate turned away."""
    kind = _KINDS[refusal]
    extra = rate_headers(rate)
    if refusal is Refusal.RATE_LIMITED and rate is not None:
        extra += (("Retry-After", str(max(1, math.ceil(rate.retry_after_s)))),)
    if kind.status is HTTPStatus.UNAUTHORIZED or kind.bearer_error:
        extra += (("WWW-Authenticate", _challenge(settings.realm, kind)),)
    return _problem(kind.status, refusal.value, kind.detail, settings, extra)


def store_away(settings: GateSettings) -> Answer:
    """The answer while nobody can tell whether a key is good."""
    detail = "API keys cannot be checked at the moment: try again."
    extra = (("Retry-After", str(RETRY_STORE_S)),)
    return _problem(HTTPStatus.SERVICE_UNAVAILABLE, STORE_AWAY, detail, settings, extra)


def rate_headers(rate: RateStatus | None) -> Headers:
    """``RateLimit-Policy`` and ``RateLimit`` of the IETF (draft-ietf-httpapi-ratelimit-headers).

    Not ``X-RateLimit-*``: there the reset is seconds for one vendor and a date for the next. Here it is
    seconds from now.
    """
    if rate is None:
        return ()
    return (
        ("RateLimit-Policy", f'"key";q={rate.limit}'),
        ("RateLimit", f'"key";r={rate.remaining};t={math.ceil(rate.reset_s)}'),
    )


def _challenge(realm: str, kind: _Kind) -> str:
    quoted = realm.replace("\\", "\\\\").replace('"', '\\"')
    error = f', error="{kind.bearer_error}"' if kind.bearer_error else ""
    return f'Bearer realm="{quoted}"{error}'


def _problem(status: HTTPStatus, reason: str, detail: str, settings: GateSettings, extra: Headers) -> Answer:
    types = settings.problem_types
    problem = {
        "type": f"{types}{reason}" if types else "about:blank",
        "title": status.phrase,
        "status": status.value,
        "detail": detail,
        "reason": reason,
    }
    body = msgspec.json.encode(problem)
    head = (
        ("Content-Type", CONTENT_TYPE),
        ("Content-Length", str(len(body))),
        ("Cache-Control", "no-store"),
    )
    return Answer(status.value, head + extra, body)
