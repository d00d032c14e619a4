"""``/silences``: what people do not want to hear of, for a while."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Form, Query, Request, Response
from fastapi.responses import RedirectResponse

from console.access.person import AccessRole, Person
from console.pages.rendering import Pages
from console.problems import status_of
from domain.errors import KeywatchError, Reason, Refused, Rejected, Transient
from domain.finding import Kind
from domain.silence import ANY, Silence

A_PAGE = 25
HOUR_MS = 3_600_000
Text = Annotated[str, Form()]
DONE = {"added": "The silence runs. The others are told of it.", "ended": "The silence is over."}


@dataclass(frozen=True, slots=True)
class Typed:
    """The form as it was filled in; names as a silence has them."""

    key: str = ANY
    tenant: str = ANY
    detector: str = ANY
    kind: str = ANY
    network: str = ANY
    hours: str = "4"
    reason: str = ""
    suspensions: bool = False


def add(router: APIRouter, pages: Pages) -> None:
    """The list with its form, and the two acts."""
    viewer = Depends(pages.access.needs(AccessRole.VIEWER))
    responder = Depends(pages.access.needs(AccessRole.RESPONDER))

    @router.get("/silences")
    def silences(
        request: Request,
        wanted: Annotated[Typed, Depends(_wanted)],
        person: Person = viewer,
        cursor: str = "",
        done: str = "",
    ) -> Response:
        return _show(pages, request, person, wanted, cursor=cursor, done=DONE.get(done, ""))

    @router.post("/silences")
    def begin(
        request: Request, typed: Annotated[Typed, Depends(_typed)], person: Person = responder
    ) -> Response:
        try:
            pages.services.silencing.add(_silence(typed, person.name, pages.now_ms()))
        except (Refused, Rejected, Transient) as error:
            return _not_possible(pages, request, person, error, typed)
        return RedirectResponse("/silences?done=added", 303)

    @router.post("/silences/{silence_id}/end")
    def end(
        request: Request,
        silence_id: str,
        person: Person = responder,
        reason: Text = "",
        version: Annotated[int, Form()] = 0,
    ) -> Response:
        try:
            _unchanged(pages, silence_id, version)
            pages.services.silencing.end(silence_id, person.name, reason)
        except (Refused, Rejected, Transient) as error:
            return _not_possible(pages, request, person, error, Typed(), ending={silence_id: reason})
        return RedirectResponse("/silences?done=ended", 303)


def _wanted(
    key: Annotated[str, Query()] = ANY, tenant: Annotated[str, Query()] = ANY, network: str = ANY
) -> Typed:
    return Typed(key=key, tenant=tenant, network=network)


def _typed(
    key: Text = ANY,
    tenant: Text = ANY,
    detector: Text = ANY,
    kind: Text = ANY,
    network: Text = ANY,
    hours: Text = "",
    reason: Text = "",
    suspensions: Annotated[bool, Form()] = False,
) -> Typed:
    return Typed(key, tenant, detector, kind, network, hours, reason, suspensions)


def _silence(typed: Typed, who: str, now_ms: int) -> Silence:
    try:
        until_ms = now_ms + int(float(typed.hours) * HOUR_MS)
    except (ValueError, OverflowError):
        raise Rejected(Reason.WRONG_TYPE, f"hours: {typed.hours[:20]!r} is not a number") from None
    return Silence(
        id=f"sil_{secrets.token_hex(8)}",
        who=who,
        why=typed.reason,
        created_ms=now_ms,
        until_ms=until_ms,
        suspensions=typed.suspensions,
        key=_glob(typed.key),
        tenant=_glob(typed.tenant),
        detector=_glob(typed.detector),
        kind=_glob(typed.kind),
        network=_glob(typed.network),
    )


def _glob(text: str) -> str:
    return text.strip() or ANY


def _unchanged(pages: Pages, silence_id: str, version: int) -> None:
    if pages.services.silences.get(silence_id).version != version:
        raise Refused(Reason.CONFLICT, f"silence {silence_id} has changed meanwhile: look again")


def _not_possible(
    pages: Pages,
    request: Request,
    person: Person,
    error: KeywatchError,
    typed: Typed,
    ending: dict[str, str] | None = None,
) -> Response:
    status, said = status_of(error), str(error)
    try:
        return _show(pages, request, person, typed, status=status, problem=said, ending=ending)
    except Transient:
        return pages.unanswered(
            "/silences", str(error), typed.reason or next(iter((ending or {}).values()), "")
        )


def _show(
    pages: Pages,
    request: Request,
    person: Person,
    typed: Typed,
    *,
    cursor: str = "",
    done: str = "",
    status: int = 200,
    problem: str = "",
    ending: dict[str, str] | None = None,
) -> Response:
    services = pages.services
    found = services.silences.page(cursor, A_PAGE)
    what: dict[str, Any] = {
        "running": services.silences.active(pages.now_ms()) if not cursor else [],
        "page": found,
        "older": urlencode({"cursor": found.cursor}),
        "first": not cursor,
    }
    return pages.show(
        request,
        person,
        "silences.html",
        section="silences",
        status=status,
        typed=typed,
        done=done,
        problem=problem,
        ending=ending or {},
        kinds=[kind.value for kind in Kind],
        **what,
    )
