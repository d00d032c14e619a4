"""``/cases``: what waits for a decision, and what was decided."""

from __future__ import annotations

from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse

from console.access.person import AccessRole, Person
from console.pages.rendering import Pages
from domain.case import CaseState
from domain.ports import CaseQuery

A_PAGE = 25
ALL = "all"


def add(router: APIRouter, pages: Pages) -> None:
    """The queue, newest first."""
    viewer = Depends(pages.access.needs(AccessRole.VIEWER))

    @router.get("/cases")
    def cases(
        request: Request,
        person: Person = viewer,
        state: str = CaseState.OPEN.value,
        key: str = "",
        tenant: str = "",
        cursor: str = "",
    ) -> HTMLResponse:
        chosen = CaseState(state) if state in set(CaseState) else None
        found = pages.services.cases.page(
            CaseQuery(state=chosen, key_id=key, tenant=tenant, cursor=cursor, limit=A_PAGE)
        )
        kept = {"state": chosen.value if chosen else ALL, "key": key, "tenant": tenant}
        return pages.show(
            request,
            person,
            "cases.html",
            section="cases",
            page=found,
            counts=pages.services.cases.counts(),
            chosen=kept["state"],
            key=key,
            tenant=tenant,
            first=not cursor,
            older=urlencode({**kept, "cursor": found.cursor}),
            kept=urlencode({"key": key, "tenant": tenant}),
        )
