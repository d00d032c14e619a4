"""``/detectors``: how often each was right, as people judged."""

from __future__ import annotations

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse

from console.access.person import AccessRole, Person
from console.pages.rendering import Pages


def add(router: APIRouter, pages: Pages) -> None:
    """One row a detector."""
    viewer = Depends(pages.access.needs(AccessRole.VIEWER))

    @router.get("/detectors")
    def detectors(request: Request, person: Person = viewer) -> HTMLResponse:
        scores = sorted(pages.services.cases.precision().items())
        return pages.show(request, person, "detectors.html", section="detectors", scores=scores)
