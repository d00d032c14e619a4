"""``/``: how the whole fares, live."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse

from console.access.person import AccessRole, Person
from console.pages.charts import traffic_of
from console.pages.rendering import Pages
from domain.case import CaseState
from domain.overview import FindingQuery
from domain.ports import CaseQuery

SHOWN = 6
"""Open cases and findings beside the numbers: the newest."""


def add(router: APIRouter, pages: Pages) -> None:
    """The page, and the part of it that is fetched again every few seconds."""
    viewer = Depends(pages.access.needs(AccessRole.VIEWER))

    @router.get("/")
    def overview(request: Request, person: Person = viewer) -> HTMLResponse:
        return pages.show(request, person, "overview.html", section="overview", **_seen(pages))

    @router.get("/overview/live", dependencies=[viewer])
    def live() -> HTMLResponse:
        return pages.part("overview_live.html", **_seen(pages))


def _seen(pages: Pages) -> dict[str, Any]:
    services = pages.services
    pulse = services.overview.pulse()
    newest = services.cases.page(CaseQuery(state=CaseState.OPEN, limit=SHOWN))
    findings = services.findings.page(FindingQuery(limit=SHOWN))
    return {
        "pulse": pulse,
        "traffic": traffic_of(pulse.minutes),
        "cases": newest.cases,
        "findings": findings.findings,
    }
