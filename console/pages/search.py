"""``/search``: a case, an incident or a key by its id."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import quote

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import RedirectResponse

from console.access.person import AccessRole, Person
from console.pages.rendering import Pages
from domain.errors import Refused

NAMED = {"case_": "cases", "inc_": "incidents"}
"""What ids of ours begin with, and the pages that show them."""


def add(router: APIRouter, pages: Pages) -> None:
    """Goes there at once. A key may be called like a case: then the case is found if there is one."""
    viewer = Depends(pages.access.needs(AccessRole.VIEWER))

    @router.get("/search")
    def search(request: Request, person: Person = viewer, q: str = "") -> Response:
        wanted = q.strip()
        if not wanted:
            return pages.show(request, person, "search.html", section="")
        return RedirectResponse(_page_of(pages, wanted), 303)


def _page_of(pages: Pages, wanted: str) -> str:
    known: dict[str, Callable[[str], object]] = {
        "cases": pages.services.cases.get,
        "incidents": pages.services.incidents.get,
    }
    for beginning, section in NAMED.items():
        if wanted.startswith(beginning) and _is_there(known[section], wanted):
            return f"/{section}/{quote(wanted, safe='')}"
    return f"/key?id={quote(wanted, safe='')}"


def _is_there(get: Callable[[str], object], wanted: str) -> bool:
    try:
        get(wanted)
    except Refused:
        return False
    return True
