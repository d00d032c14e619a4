"""``/keys``: the keys that have a baseline, by the million."""

from __future__ import annotations

from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse

from console.access.person import AccessRole, Person
from console.pages.rendering import Pages

A_PAGE = 50


def add(router: APIRouter, pages: Pages) -> None:
    """A page of keys; whoever looks for one key searches for it."""
    viewer = Depends(pages.access.needs(AccessRole.VIEWER))

    @router.get("/keys")
    def keys(request: Request, person: Person = viewer, cursor: str = "") -> HTMLResponse:
        found = pages.services.directory.page(cursor, A_PAGE)
        return pages.show(
            request,
            person,
            "keys.html",
            section="keys",
            page=found,
            first=not cursor,
            older=urlencode({"cursor": found.cursor}),
        )
