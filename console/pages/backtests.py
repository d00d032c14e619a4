"""``/policy/backtests``: recorded requests under another policy, over a period."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request, Response
from fastapi.responses import RedirectResponse

from console.access.person import AccessRole, Person
from console.pages.rendering import Pages, wants_part
from console.problems import status_of
from domain.errors import KeywatchError, Reason, Refused, Rejected, Transient

DAY_MS = 86_400_000
TEXT_MAX = 65_536
"""As the API has it."""
Text = Annotated[str, Form()]


@dataclass(frozen=True, slots=True)
class Typed:
    """The form as it was filled in; times are UTC without their zone, as browsers send them."""

    text: str
    begin: str
    end: str


def add(router: APIRouter, pages: Pages) -> None:
    """The form and its act for admins; how it goes, for all."""
    _add_form(router, pages)
    viewer = Depends(pages.access.needs(AccessRole.VIEWER))

    @router.get("/policy/backtests/{backtest_id}")
    def one(request: Request, backtest_id: str, person: Person = viewer) -> Response:
        found = pages.services.backtests.get(backtest_id)
        if wants_part(request):
            return pages.part("backtest_state.html", backtest=found)
        return pages.show(request, person, "backtest.html", section="policy", backtest=found)


def _add_form(router: APIRouter, pages: Pages) -> None:
    admin = Depends(pages.access.needs(AccessRole.ADMIN))

    @router.get("/policy/backtests")
    def form(request: Request, person: Person = admin) -> Response:
        now_ms = pages.now_ms()
        typed = Typed(pages.services.policy.current(), _written(now_ms - DAY_MS), _written(now_ms))
        return _form(pages, request, person, typed)

    @router.post("/policy/backtests")
    def start(
        request: Request, person: Person = admin, text: Text = "", begin: Text = "", end: Text = ""
    ) -> Response:
        typed = Typed(text.replace("\r\n", "\n"), begin, end)
        try:
            period = _read("from", begin), _read("until", end)
            begun = pages.services.backtests.start(checked(typed.text), *period, person.name)
        except (Refused, Rejected, Transient) as error:
            return _form(pages, request, person, typed, error)
        return RedirectResponse(f"/policy/backtests/{begun.id}", 303)


def checked(text: str) -> str:
    """A policy's text that is not too long to be read. Raises ``Rejected``."""
    if len(text) > TEXT_MAX:
        raise Rejected(Reason.TOO_LARGE, f"the policy is longer than {TEXT_MAX:,} characters")
    return text


def _form(
    pages: Pages, request: Request, person: Person, typed: Typed, error: KeywatchError | None = None
) -> Response:
    return pages.show(
        request,
        person,
        "backtests.html",
        status=status_of(error) if error else 200,
        section="policy",
        typed=typed,
        problem=str(error) if error else "",
    )


def _written(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M")


def _read(what: str, text: str) -> int:
    try:
        return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)
    except (ValueError, OverflowError):
        raise Rejected(
            Reason.BAD_TIMESTAMP, f"{what}: write a date and a time, such as 2026-05-27T10:00"
        ) from None
