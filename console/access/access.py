"""The two doors: an ``Authorization`` header for programs, a session's cookie for browsers."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from fastapi import HTTPException, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from console.access.limits import RedisLimits
from console.access.oidc import Provider
from console.access.person import AccessRole, Person
from console.access.sessions import RedisSessions
from console.access.tokens import PREFIX, StaticTokens
from console.settings import ConsoleSettings
from domain.errors import Reason, Refused
from domain.ports import Audit

SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
CSRF_HEADER: Final = "X-CSRF-Token"
CSRF_FIELD: Final = "csrf"
FAILURES_S: Final = 300
_FORMS: Final = ("application/x-www-form-urlencoded", "multipart/form-data")
_CHALLENGE: Final = {"WWW-Authenticate": 'Bearer realm="keywatch"'}
_INVALID: Final = {"WWW-Authenticate": 'Bearer realm="keywatch", error="invalid_token"'}


@dataclass(frozen=True, slots=True)
class Access:
    """Who may come in. Every request blocks for two round trips to Redis: its session and its rate."""

    settings: ConsoleSettings
    tokens: StaticTokens
    sessions: RedisSessions
    limits: RedisLimits
    audit: Audit
    provider: Provider | None = None

    @property
    def cookie(self) -> str:
        """The cookie's name: with the prefix a browser takes it from this very host only, over TLS."""
        return "__Host-keywatch" if self.settings.cookie_secure else "keywatch"

    @property
    def oidc(self) -> bool:
        """Whether people can log in at ``/login/oidc``."""
        return self.provider is not None

    # -- dependencies -------------------------------------------------------------------------------

    def needs(self, role: AccessRole) -> Callable[[Request], Coroutine[Any, Any, Person]]:
        """A dependency: the person, if their role covers ``role``.

        By cookie, a method that changes something also needs the session's CSRF token, in the header
        ``X-CSRF-Token`` or a form's ``csrf``, and an ``Origin`` that is ours. Raises ``HTTPException``
        401, 403 or 429.
        """

        async def person(request: Request) -> Person:
            found = await run_in_threadpool(self._known, request)
            if request.method not in SAFE and "authorization" not in request.headers:
                await self._check_csrf(request)
            await run_in_threadpool(self._allowed, request, found, role)
            return found

        return person

    def csrf(self, request: Request) -> str:
        """The token that this session's forms send back; empty without a session."""
        session_id = request.cookies.get(self.cookie, "")
        return self.sessions.derived("csrf", session_id) if session_id else ""

    # -- logging in and out -------------------------------------------------------------------------

    def log_in(self, request: Request, token: str) -> str | None:
        """The id of a new session; None for a token nobody holds. Raises 429 after too many of those."""
        self.check_failures(request)
        found = self.tokens.person(token)
        if found is None:
            self.failed(request, "login", "unknown token")
            return None
        return self.begin(request, *found)

    def begin(self, request: Request, person: Person, proof: str = "") -> str:
        """A new session for somebody who has shown who they are; audited first, or it is not begun."""
        self.audit.write(
            who=person.name,
            what="login",
            key_id="",
            case_id="",
            why=f"by {person.via} from {address(request)}",
        )
        return self.sessions.begin(person, proof)

    def log_out(self, request: Request) -> None:
        """End the session, if there is one."""
        session_id = request.cookies.get(self.cookie, "")
        session = self.sessions.look(session_id) if session_id else None
        if session is None:
            return
        self.sessions.end(session_id)
        self.audit.write(who=session.person.name, what="logout", key_id="", case_id="", why="")

    def give_cookie(self, response: Response, session_id: str) -> None:
        """Set the session's cookie; it goes with the browser, and in Redis before that."""
        response.set_cookie(
            self.cookie,
            session_id,
            path="/",
            secure=self.settings.cookie_secure,
            httponly=True,
            samesite="lax",
        )

    def take_cookie(self, response: Response) -> None:
        """Let the browser forget the session."""
        response.delete_cookie(
            self.cookie, path="/", secure=self.settings.cookie_secure, httponly=True, samesite="lax"
        )

    def same_origin(self, request: Request) -> bool:
        """Whether a browser sent this from a page of ours."""
        origin = request.headers.get("origin", "")
        if not origin:
            return request.headers.get("sec-fetch-site", "") == "same-origin"
        if self.settings.public_url:
            return _origin(origin) == _origin(self.settings.public_url)
        return urlsplit(origin).netloc == request.headers.get("host", "")

    def failed(self, request: Request, what: str, why: str) -> None:
        """Count a failure against its address and audit it; those beyond the limit are only counted."""
        where = address(request)
        usage = self.limits.count("failures", where, self.settings.failures, FAILURES_S)
        if usage.used <= self.settings.failures:
            self.audit.write(who=f"console:{where}", what=f"{what} refused", key_id="", case_id="", why=why)

    def check_failures(self, request: Request) -> None:
        """Raises ``HTTPException`` 429 for an address that has failed too often."""
        usage = self.limits.count("failures", address(request), self.settings.failures, FAILURES_S, by=0)
        if usage.used >= self.settings.failures:
            raise HTTPException(
                429, "too many failed attempts from this address", {"Retry-After": str(usage.reset_s)}
            )

    # -- parts --------------------------------------------------------------------------------------

    def _known(self, request: Request) -> Person:
        header = request.headers.get("authorization")
        return self._by_cookie(request) if header is None else self._by_header(request, header)

    def _by_header(self, request: Request, header: str) -> Person:
        scheme, _, token = header.partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise HTTPException(401, "the Authorization header must be: Bearer and a token", _CHALLENGE)
        self.check_failures(request)
        try:
            return self._holder(token.strip())
        except Refused as error:
            self.failed(request, "token", str(error))
            raise HTTPException(401, "this token is unknown or has expired", _INVALID) from error

    def _holder(self, token: str) -> Person:
        found = self.tokens.person(token)
        if found is not None:
            return found[0]
        if self.provider is None or token.startswith(PREFIX) or token.count(".") != 2:
            raise Refused(Reason.DENIED, "unknown or expired")
        return self.provider.bearer(token)

    def _by_cookie(self, request: Request) -> Person:
        session_id = request.cookies.get(self.cookie, "")
        session = self.sessions.look(session_id) if session_id else None
        if session is None:
            raise HTTPException(401, "log in, or send a token in the Authorization header", _CHALLENGE)
        if not session.proof:
            return session.person
        person = self.tokens.holds(session.proof)
        if person is None:
            self.sessions.end(session_id)
            raise HTTPException(401, "the token that you logged in with is no longer valid", _CHALLENGE)
        return person

    async def _check_csrf(self, request: Request) -> None:
        sent = request.headers.get(CSRF_HEADER, "")
        if not sent and request.headers.get("content-type", "").startswith(_FORMS):
            form = await request.form()
            sent = str(form.get(CSRF_FIELD, ""))
        good = hmac.compare_digest(sent.encode(), self.csrf(request).encode())
        if not (sent and good and self.same_origin(request)):
            raise HTTPException(403, "this did not come from a page of this console: load the page again")

    def _allowed(self, request: Request, person: Person, role: AccessRole) -> None:
        usage = self.limits.count("requests", person.name, self.settings.rate_per_min, 60)
        request.state.usage = usage
        if usage.over:
            raise HTTPException(
                429, f"more than {usage.limit} requests a minute", {"Retry-After": str(usage.reset_s)}
            )
        if not person.role.covers(role):
            why = f"{request.method} {request.url.path[:200]} needs the role {role.value}"
            self.audit.write(who=person.name, what="access refused", key_id="", case_id="", why=why)
            raise HTTPException(403, f"this needs the role {role.value}; you have {person.role.value}")


def address(request: Request) -> str:
    """Where a request comes from, as the server believes it."""
    return request.client.host if request.client else "unknown"


def _origin(url: str) -> tuple[str, str]:
    parts = urlsplit(url.lower())
    default = {"https": ":443", "http": ":80"}.get(parts.scheme, "")
    return parts.scheme, parts.netloc.removesuffix(default) if default else parts.netloc


def fresh_secret() -> str:
    """For a process that was given none: sessions end with it, and other replicas do not know them."""
    return secrets.token_hex(32)
