"""``/findings``: what detectors claimed, also what policy only observed."""

from __future__ import annotations

from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse

from console.access.person import AccessRole, Person
from console.pages.rendering import Pages
from domain.overview import FindingQuery

A_PAGE = 50


def add(router: APIRouter, pages: Pages) -> None:
    """Newest first, of one key, tenant or detector if wanted."""
    viewer = Depends(pages.access.needs(AccessRole.VIEWER))

    @router.get("/findings")
    def findings(
        request: Request,
        person: Person = viewer,
        key: str = "",
        tenant: str = "",
        detector: str = "",
        cursor: str = "",
    ) -> HTMLResponse:
        found = pages.services.findings.page(
            FindingQuery(key_id=key, tenant=tenant, detector=detector, cursor=cursor, limit=A_PAGE)
        )
        older = urlencode({"key": key, "tenant": tenant, "detector": detector, "cursor": found.cursor})
        return pages.show(
            request,
            person,
            "findings.html",
            section="keys",
            page=found,
            key=key,
            tenant=tenant,
            detector=detector,
            first=not cursor,
            older=older,
        )
