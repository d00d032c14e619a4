"""``/audit``: who did what to which key, and why."""

from __future__ import annotations

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse

from console.access.person import AccessRole, Person
from console.pages.rendering import Pages

A_PAGE = 50


def add(router: APIRouter, pages: Pages) -> None:
    """Newest first."""
    viewer = Depends(pages.access.needs(AccessRole.VIEWER))

    @router.get("/audit")
    def audit(request: Request, person: Person = viewer, before: int = 0) -> HTMLResponse:
        entries = pages.services.audit_log.page(max(before, 0), A_PAGE)
        older = entries[-1].seq if len(entries) == A_PAGE else 0
        return pages.show(
            request, person, "audit.html", section="audit", entries=entries, first=not before, older=older
        )
