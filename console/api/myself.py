"""Who you are here."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from console.access.person import AccessRole, Person
from console.api.frame import Api, answer, operation
from console.api.shapes import Myself


def add(router: APIRouter, api: Api) -> None:
    """``/me``."""

    @router.get("/me", **operation("getMyself", AccessRole.VIEWER, Myself))
    def me(request: Request, person: Person = api.viewer) -> Response:
        """Your name in the audit, your role, and what ``X-CSRF-Token`` must carry with a session's cookie."""
        by_cookie = "authorization" not in request.headers
        csrf = api.access.csrf(request) if by_cookie else ""
        return answer(Myself(name=person.name, role=person.role, via=person.via, csrf=csrf))
