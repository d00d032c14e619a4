"""``POST /login``, ``POST /logout``; the page with the form is ``console.pages``'."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Form, HTTPException, Request
from fastapi.responses import RedirectResponse, Response

from console.access.access import Access

Next = Annotated[str, Form(alias="next")]


def doors(access: Access) -> APIRouter:
    """Failed logins go back to ``/login?failed=1``, with ``next`` kept."""
    router = APIRouter(include_in_schema=False)

    @router.post("/login")
    def log_in(request: Request, token: Annotated[str, Form()] = "", to: Next = "/") -> Response:
        if not access.same_origin(request):
            raise HTTPException(403, "this did not come from a page of this console: load the page again")
        session_id = access.log_in(request, token.strip())
        if session_id is None:
            return RedirectResponse(f"/login?{urlencode({'failed': 1, 'next': inside(to)})}", 303)
        return entered(access, request, session_id, to)

    @router.post("/logout")
    def log_out(request: Request) -> Response:
        if not access.same_origin(request):
            raise HTTPException(403, "this did not come from a page of this console: load the page again")
        access.log_out(request)
        answer = RedirectResponse("/login", 303)
        access.take_cookie(answer)
        return answer

    return router


def entered(access: Access, request: Request, session_id: str, to: str) -> Response:
    """On to the page they wanted; the session that the browser had before, if any, ends."""
    access.log_out(request)
    answer = RedirectResponse(inside(to), 303)
    access.give_cookie(answer, session_id)
    return answer


def inside(to: str) -> str:
    """An address of ours: ``/`` for anything that would lead elsewhere.

    >>> inside("/cases/case_1?done=1"), inside("//evil.example"), inside("/\\\\evil.example"), inside("/\\tx")
    ('/cases/case_1?done=1', '/', '/', '/')
    """
    harmless = to.startswith("/") and not to.startswith(("//", "/\\")) and to.isprintable() and "\\" not in to
    return to if harmless else "/"
