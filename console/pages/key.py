"""``/key?id=``: one key as it is now. Its id is a parameter, as a path would be tidied by browsers."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from starlette.datastructures import URL

from console.access.person import AccessRole, Person
from console.pages.case import key_status
from console.pages.charts import day_of
from console.pages.rendering import Pages
from console.pages.worldmap import map_of
from console.problems import status_of
from console.suspending import suspend_by_hand
from domain.errors import KeywatchError, Reason, Refused, Rejected, Transient
from domain.overview import FindingQuery
from domain.ports import CaseQuery, KeyState, KeyStatus

SHOWN = 10
FINDINGS = 20
REASON_MAX = 4_000
DONE = {"suspended": "The key is suspended until a person lets it go: `keywatch keys reinstate`."}
WORKS = (KeyState.ACTIVE, KeyState.RETIRING)
Text = Annotated[str, Form()]


@dataclass(frozen=True, slots=True)
class Told:
    """What the page says of an act, with the reason as it was typed."""

    done: str = ""
    problem: str = ""
    reason: str = ""


def add(router: APIRouter, pages: Pages) -> None:
    """Its state, its day, its places, what was found and decided; and stopping it by hand."""
    viewer = Depends(pages.access.needs(AccessRole.VIEWER))
    responder = Depends(pages.access.needs(AccessRole.RESPONDER))

    @router.get("/key")
    def key(request: Request, person: Person = viewer, id: str = "", done: str = "") -> Response:  # noqa: A002 - as addresses say it
        return _show(pages, request, person, id, Told(done=DONE.get(done, "")))

    @router.post("/key/suspend")
    def suspend(
        request: Request,
        person: Person = responder,
        id: Text = "",  # noqa: A002 - as addresses say it
        reason: Text = "",
        sure: Annotated[bool, Form()] = False,
    ) -> Response:
        try:
            _check(reason, sure=sure)
            suspend_by_hand(pages.services, person.name, id, reason)
        except (Refused, Rejected, Transient) as error:
            return _not_possible(pages, request, person, id, error, reason)
        to = URL("/key").include_query_params(id=id, done="suspended")
        return RedirectResponse(str(to), 303)


def _check(reason: str, *, sure: bool) -> None:
    if not reason.strip():
        raise Rejected(Reason.WRONG_TYPE, "say why: the owner and the audit log are told")
    if len(reason) > REASON_MAX:
        raise Rejected(Reason.TOO_LARGE, f"the reason is longer than {REASON_MAX:,} characters")
    if not sure:
        raise Rejected(Reason.WRONG_TYPE, "tick that its requests are to be refused from now on")


def _not_possible(
    pages: Pages, request: Request, person: Person, key_id: str, error: KeywatchError, reason: str
) -> Response:
    told = Told(problem=str(error), reason=reason)
    try:
        return _show(pages, request, person, key_id, told, status=status_of(error))
    except Transient:
        return pages.unanswered(str(URL("/key").include_query_params(id=key_id)), str(error), reason)


def _show(
    pages: Pages, request: Request, person: Person, key_id: str, told: Told, *, status: int = 200
) -> HTMLResponse:
    services, found = pages.services, key_status(pages, key_id)
    works = isinstance(found, KeyStatus) and found.state in WORKS
    return pages.show(
        request,
        person,
        "key.html",
        status=status,
        section="keys",
        key_id=key_id,
        key_status=found,
        may_suspend=works and services.people is not None and person.role.covers(AccessRole.RESPONDER),
        told=told,
        **_known(pages, key_id),
    )


def _known(pages: Pages, key_id: str) -> dict[str, Any]:
    services = pages.services
    picture = services.history.picture(key_id)
    findings = services.findings.page(FindingQuery(key_id=key_id, limit=FINDINGS))
    running = services.silences.active(pages.now_ms())
    return {
        "picture": picture,
        "day": day_of(picture) if picture else None,
        "map": map_of(picture, [found.finding for found in findings.findings]),
        "cases": services.cases.page(CaseQuery(key_id=key_id, limit=SHOWN)),
        "findings": findings,
        "silences": [silence for silence in running if fnmatchcase(key_id, silence.key)],
        "scores": services.cases.precision(key_id),
    }
