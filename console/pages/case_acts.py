"""What a person does on a case. Every act is a POST with a reason and the version they saw."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request, Response
from fastapi.responses import RedirectResponse

from console.access.person import AccessRole, Person
from console.pages.case import Typed, show_case
from console.pages.rendering import Pages
from console.problems import status_of
from domain.case import Case, Verdict
from domain.errors import KeywatchError, Reason, Refused, Rejected, Transient

Text = Annotated[str, Form()]
Version = Annotated[int, Form()]
Tick = Annotated[bool, Form()]


def add(router: APIRouter, pages: Pages) -> None:
    """Verdict, comment, rotation, and the end of allowances."""
    _add_verdict(router, pages)
    _add_comment(router, pages)
    review = pages.services.review
    _add_on_case_seen(router, pages, "ask-rotation", "asked", review.ask_rotation)
    _add_on_case_seen(router, pages, "watch-again", "watched", review.end_allowances)


def _add_verdict(router: APIRouter, pages: Pages) -> None:
    responder = Depends(pages.access.needs(AccessRole.RESPONDER))
    review, acted = pages.services.review, _acted(pages)

    @router.post("/cases/{case_id}/verdict")
    def give(
        request: Request,
        case_id: str,
        person: Person = responder,
        verdict: Text = "",
        reason: Text = "",
        version: Version = 0,
        revoke: Tick = False,
    ) -> Response:
        def act() -> str:
            case = review.give(
                case_id,
                _verdict(verdict),
                person.name,
                reason,
                revoke=revoke and verdict == Verdict.CONFIRM,
                version=_seen(version),
            )
            return "proposed" if case.proposal else "decided"

        return acted(request, person, case_id, act, Typed(verdict=verdict, reason=reason, revoke=revoke))


def _add_comment(router: APIRouter, pages: Pages) -> None:
    responder = Depends(pages.access.needs(AccessRole.RESPONDER))
    review, acted = pages.services.review, _acted(pages)

    @router.post("/cases/{case_id}/comment")
    def comment(request: Request, case_id: str, person: Person = responder, reason: Text = "") -> Response:
        def act() -> str:
            review.comment(case_id, person.name, reason)
            return "commented"

        return acted(request, person, case_id, act, Typed(comment=reason))


def _add_on_case_seen(
    router: APIRouter, pages: Pages, path: str, done: str, change: Callable[[str, str, str], Case]
) -> None:
    """``change(case id, who, why)`` on the case as the person saw it."""
    responder, acted = Depends(pages.access.needs(AccessRole.RESPONDER)), _acted(pages)

    @router.post(f"/cases/{{case_id}}/{path}")
    def on_case_seen(
        request: Request,
        case_id: str,
        person: Person = responder,
        reason: Text = "",
        version: Version = 0,
    ) -> Response:
        def act() -> str:
            _unchanged(pages, case_id, version)
            change(case_id, person.name, reason)
            return done

        return acted(request, person, case_id, act, Typed(comment=reason))


def _acted(pages: Pages) -> Callable[[Request, Person, str, Callable[[], str], Typed], Response]:
    def answer(
        request: Request, person: Person, case_id: str, act: Callable[[], str], typed: Typed
    ) -> Response:
        """Back to the case; where the act was not possible, the case as it is now with what was typed."""
        try:
            done = act()
        except (Refused, Rejected, Transient) as error:
            return _not_possible(pages, request, person, case_id, error, typed)
        return RedirectResponse(f"/cases/{case_id}?done={done}", 303)

    return answer


def _not_possible(
    pages: Pages, request: Request, person: Person, case_id: str, error: KeywatchError, typed: Typed
) -> Response:
    status, said = status_of(error), str(error)
    try:
        return show_case(pages, request, person, case_id, status=status, problem=said, typed=typed)
    except Transient:
        text = typed.reason or typed.comment
        return pages.unanswered(f"/cases/{case_id}", said, text)


def _verdict(text: str) -> Verdict:
    if text not in set(Verdict):
        raise Rejected(Reason.WRONG_TYPE, "choose what to do: reinstate, confirm or false positive")
    return Verdict(text)


def _seen(version: int) -> int:
    if version < 1:
        raise Rejected(Reason.WRONG_TYPE, "the form does not say which version of the case you saw")
    return version


def _unchanged(pages: Pages, case_id: str, version: int) -> None:
    """What reviewing itself does not ask of these acts: that the case is as the person saw it."""
    if pages.services.cases.get(case_id).version != _seen(version):
        raise Refused(Reason.CONFLICT, f"case {case_id} has changed: look again, then decide")
