"""``/policy``: what is in use, and what another would have made of the newest cases."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Request, Response

from console.access.person import AccessRole, Person
from console.pages.backtests import checked
from console.pages.rendering import Pages, wants_part

LOOKED_AT = 500


def add(router: APIRouter, pages: Pages) -> None:
    """To read and to try; the policy is changed in its file."""
    viewer = Depends(pages.access.needs(AccessRole.VIEWER))
    responder = Depends(pages.access.needs(AccessRole.RESPONDER))
    desk = pages.services.policy

    @router.get("/policy")
    def policy(request: Request, person: Person = viewer) -> Response:
        current = desk.current()
        return pages.show(
            request,
            person,
            "policy.html",
            section="policy",
            current=current,
            text=current,
            may_backtest=person.role.covers(AccessRole.ADMIN),
            **_nothing(),
        )

    @router.post("/policy/try")
    def attempt(request: Request, person: Person = responder, text: Annotated[str, Form()] = "") -> Response:
        found = _tried(pages, checked(text.replace("\r\n", "\n")))
        if wants_part(request):
            return pages.part("policy_difference.html", **found)
        return pages.show(
            request,
            person,
            "policy.html",
            section="policy",
            current=desk.current(),
            text=text,
            may_backtest=person.role.covers(AccessRole.ADMIN),
            **found,
        )


def _nothing() -> dict[str, Any]:
    return {"problems": [], "difference": None}


def _tried(pages: Pages, text: str) -> dict[str, Any]:
    desk = pages.services.policy
    problems = desk.problems(text)
    return {"problems": problems, "difference": None if problems else desk.compare(text, LOOKED_AT)}
