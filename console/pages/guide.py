"""``/guide``: the console's words and shortcuts, and the switch that turns shortcuts off."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request, Response
from fastapi.responses import RedirectResponse

from console.access.person import AccessRole, Person
from console.pages import words
from console.pages.rendering import SHORTCUTS_COOKIE, Pages

A_YEAR_S = 31_536_000


def add(router: APIRouter, pages: Pages) -> None:
    """A page to read."""
    viewer = Depends(pages.access.needs(AccessRole.VIEWER))

    @router.get("/guide")
    def guide(request: Request, person: Person = viewer) -> Response:
        return pages.show(
            request, person, "guide.html", section="guide", verdicts=words.VERDICTS, promises=words.PROMISES
        )

    @router.post("/guide/shortcuts", dependencies=[viewer])
    def switch(request: Request, shortcuts: Annotated[str, Form()] = "on") -> Response:
        answer = RedirectResponse("/guide", 303)
        kept = "off" if shortcuts == "off" else "on"
        secure = request.url.scheme == "https"
        answer.set_cookie(SHORTCUTS_COOKIE, kept, A_YEAR_S, secure=secure, httponly=True, samesite="strict")
        return answer
