"""``/cases/{id}``: what happened, what is usual, and the decision."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse

from console.access.person import AccessRole, Person
from console.pages import words
from console.pages.charts import day_of
from console.pages.rendering import Pages
from console.pages.worldmap import map_of
from domain.case import Case, CaseState, Verdict
from domain.errors import KeywatchError
from domain.incident import Incident
from domain.ports import KeyStatus
from domain.silence import ANY

OTHERS = 8
"""Other cases of the incident that are shown beside this one."""
DONE = {
    "decided": "Your decision is carried out.",
    "proposed": "Your proposal is kept. A second person must give the same verdict.",
    "commented": "Your comment is in the timeline.",
    "asked": "The owner is asked to replace the key.",
    "watched": "What this case let pass is watched again.",
}


@dataclass(frozen=True, slots=True)
class Typed:
    """What a person typed into the case's forms: kept when an act was not possible."""

    verdict: str = ""
    reason: str = ""
    comment: str = ""
    revoke: bool = False


def add(router: APIRouter, pages: Pages) -> None:
    """The page; what it can do is in ``case_acts``."""
    viewer = Depends(pages.access.needs(AccessRole.VIEWER))

    @router.get("/cases/{case_id}")
    def case(request: Request, case_id: str, person: Person = viewer, done: str = "") -> HTMLResponse:
        return show_case(pages, request, person, case_id, done=DONE.get(done, ""))


def show_case(
    pages: Pages,
    request: Request,
    person: Person,
    case_id: str,
    *,
    status: int = 200,
    done: str = "",
    problem: str = "",
    typed: Typed | None = None,
) -> HTMLResponse:
    """The case as it is now; ``problem`` says what was not possible, ``typed`` comes back into the forms."""
    case = pages.services.cases.get(case_id)
    return pages.show(
        request,
        person,
        "case.html",
        status=status,
        section="cases",
        case=case,
        done=done,
        problem=problem,
        typed=typed or Typed(),
        **_evidence(case, pages.now_ms()),
        **_around(pages, case),
        **_choices(pages, case, person),
    )


def _evidence(case: Case, now_ms: int) -> dict[str, Any]:
    return {
        "lines": words.lines_of(case),
        "in_sight": words.LINES,
        "headlines": words.headlines(case),
        "done_to": words.status(case),
        "contributions": words.contributions_of(case),
        "requests": (
            ("Endpoints", words.counts_of(map(words.endpoint_of, case.findings))),
            ("Clients", words.counts_of(finding.client for finding in case.findings)),
        ),
        "day": day_of(case.picture) if case.picture else None,
        "map": map_of(case.picture, case.findings),
        "passing": [allowance for allowance in case.allowances if allowance.until_ms > now_ms],
        "any": ANY,
    }


def _around(pages: Pages, case: Case) -> dict[str, Any]:
    services, incident = pages.services, _incident(pages, case)
    others: Sequence[Case] = ()
    if incident and incident.cases > 1:
        members = services.incidents.members(incident.id, 0, OTHERS + 1)
        others = services.cases.many([m for m in members if m != case.id][:OTHERS])
    return {
        "incident": incident,
        "others": others,
        "key_status": key_status(pages, case.key_id),
        "scores": services.cases.precision(),
    }


def _incident(pages: Pages, case: Case) -> Incident | None:
    """None for an incident of long ago."""
    try:
        return pages.services.incidents.get(case.incident_id) if case.incident_id else None
    except KeywatchError:
        return None


def key_status(pages: Pages, key_id: str) -> KeyStatus | str:
    """The key's state now, or what its store said instead: a page about evidence does not fail with it."""
    try:
        return pages.services.keys.describe(key_id)
    except KeywatchError as error:
        return str(error)


def _choices(pages: Pages, case: Case, person: Person) -> dict[str, Any]:
    services = pages.services
    open_now = case.state is CaseState.OPEN
    return {
        "deciding": open_now and person.role.covers(AccessRole.RESPONDER),
        "verdicts": words.VERDICTS,
        "promises": words.PROMISES,
        "two_person": {verdict.value for verdict in services.two_person},
        "may_revoke": services.people is not None and services.keys.capabilities().revokes,
        "mine": case.proposal is not None and case.proposal.who == person.name,
        "proposed": case.proposal.verdict if case.proposal else None,
        "confirm": Verdict.CONFIRM,
    }
