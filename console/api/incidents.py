"""Incidents: cases of one cause."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from console.access.person import AccessRole, Person
from console.api.frame import PAGE, Api, Cursor, Limit, answer, operation, paged
from console.api.shapes import CaseList, IncidentList, line_of
from domain.errors import Reason, Rejected
from domain.incident import Incident

VIEWER = AccessRole.VIEWER
Over = Annotated[bool | None, Query(description="Whether nothing is left to decide; neither: all.")]


def add(router: APIRouter, api: Api) -> None:
    """``/incidents``, ``/incidents/{incident_id}`` and its cases."""
    incidents = api.services.incidents

    @router.get("/incidents", **operation("listIncidents", VIEWER, IncidentList, headers=["Link"]))
    def listed(
        request: Request,
        _: Person = api.viewer,
        over: Over = None,
        cursor: Cursor = "",
        limit: Limit = PAGE,
    ) -> Response:
        """Incidents, newest first."""
        found = incidents.page(cursor, limit, over=over)
        return paged(request, IncidentList(items=found.incidents, next=found.cursor), found.cursor)

    @router.get("/incidents/{incident_id}", **operation("getIncident", VIEWER, Incident, fails=[404]))
    def incident(incident_id: str, _: Person = api.viewer) -> Response:
        """One incident."""
        return answer(incidents.get(incident_id))

    @router.get(
        "/incidents/{incident_id}/cases",
        **operation("listIncidentCases", VIEWER, CaseList, fails=[404], headers=["Link"]),
    )
    def members(
        request: Request, incident_id: str, _: Person = api.viewer, cursor: Cursor = "", limit: Limit = PAGE
    ) -> Response:
        """Its cases, in the order they joined."""
        start = _start(cursor)
        found = incidents.members(incidents.get(incident_id).id, start, limit)
        after = str(start + limit) if len(found) == limit else ""
        lines = [line_of(case) for case in api.services.cases.many(found)]
        return paged(request, CaseList(items=lines, next=after), after)


def _start(cursor: str) -> int:
    if cursor and not (cursor.isascii() and cursor.isdigit() and len(cursor) < 10):
        raise Rejected(Reason.WRONG_TYPE, "not a cursor: pass the one that the last page gave, or none")
    return int(cursor or 0)
