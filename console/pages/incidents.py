"""``/incidents``: keys that one cause touches."""

from __future__ import annotations

from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse

from console.access.person import AccessRole, Person
from console.pages.rendering import Pages

A_PAGE = 25
CASES = 50


def add(router: APIRouter, pages: Pages) -> None:
    """The list, and one incident with its cases."""
    viewer = Depends(pages.access.needs(AccessRole.VIEWER))
    services = pages.services

    @router.get("/incidents")
    def incidents(
        request: Request, person: Person = viewer, over: str = "no", cursor: str = ""
    ) -> HTMLResponse:
        found = services.incidents.page(cursor, A_PAGE, over=over == "yes")
        older = urlencode({"over": over, "cursor": found.cursor})
        return pages.show(
            request,
            person,
            "incidents.html",
            section="incidents",
            page=found,
            over=over == "yes",
            first=not cursor,
            older=older,
        )

    @router.get("/incidents/{incident_id}")
    def incident(request: Request, incident_id: str, person: Person = viewer, start: int = 0) -> HTMLResponse:
        found = services.incidents.get(incident_id)
        members = services.incidents.members(incident_id, max(start, 0), CASES)
        return pages.show(
            request,
            person,
            "incident.html",
            section="incidents",
            incident=found,
            cases=services.cases.many(members),
            start=max(start, 0),
            next_start=start + CASES if len(members) == CASES else 0,
        )
