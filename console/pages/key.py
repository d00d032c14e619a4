"""``/key?id=``: one key as it is now. Its id is a parameter, as a path would be tidied by browsers."""

from __future__ import annotations

from fnmatch import fnmatchcase

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse

from console.access.person import AccessRole, Person
from console.pages.case import key_status
from console.pages.charts import day_of
from console.pages.rendering import Pages
from console.pages.worldmap import map_of
from domain.overview import FindingQuery
from domain.ports import CaseQuery

SHOWN = 10
FINDINGS = 20


def add(router: APIRouter, pages: Pages) -> None:
    """Its state, its day, its places, and what was found and decided."""
    viewer = Depends(pages.access.needs(AccessRole.VIEWER))
    services = pages.services

    @router.get("/key")
    def key(request: Request, person: Person = viewer, id: str = "") -> HTMLResponse:  # noqa: A002 - as addresses say it
        picture = services.history.picture(id)
        cases = services.cases.page(CaseQuery(key_id=id, limit=SHOWN))
        findings = services.findings.page(FindingQuery(key_id=id, limit=FINDINGS))
        running = services.silences.active(pages.now_ms())
        return pages.show(
            request,
            person,
            "key.html",
            section="keys",
            key_id=id,
            key_status=key_status(pages, id),
            picture=picture,
            day=day_of(picture) if picture else None,
            map=map_of(picture, [found.finding for found in findings.findings]),
            cases=cases,
            findings=findings,
            silences=[silence for silence in running if fnmatchcase(id, silence.key)],
            scores=services.cases.precision(id),
        )
