"""What people do with cases."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from fastapi import APIRouter, Depends, Request, Response

from console.access.person import AccessRole, Person
from console.api.frame import Api, answer, operation, seen_version, taken
from console.api.shapes import GiveReason, GiveVerdict, WriteComment
from domain.case import Case, Verdict
from domain.desk import Reviewing
from domain.errors import Reason, Refused

VERDICT = GiveVerdict(verdict=Verdict.FALSE_POSITIVE, reason="their new office in Oslo, they called")
COMMENT = WriteComment(text="I have asked the customer")
ROTATION = GiveReason(reason="the key was in a public repository")
WATCH_AGAIN = GiveReason(reason="the move is over")


def add(router: APIRouter, api: Api) -> None:
    """All answer the case as it is then."""
    _add_verdicts(router, api)
    for other in OTHERS:
        _add_other(router, api, other)


def _act(operation_id: str, body: type, example: Any) -> dict[str, Any]:
    return operation(
        operation_id,
        AccessRole.RESPONDER,
        Case,
        body=body,
        example=example,
        fails=[404, 409, 412],
        headers=["ETag"],
        takes=["If-Match", "Idempotency-Key"],
    )


def _add_verdicts(router: APIRouter, api: Api) -> None:
    @router.post("/cases/{case_id}/verdicts", **_act("giveVerdict", GiveVerdict, VERDICT))
    def verdict(
        request: Request,
        case_id: str,
        person: Person = api.responder,
        body: GiveVerdict = Depends(taken(GiveVerdict)),  # noqa: B008
    ) -> Response:
        """Reinstate, confirm or call it a false positive.

        Where policy wants two people the first verdict is only proposed, and the case stays open. With
        ``If-Match`` the verdict is given on that version of the case or not at all.
        """

        def give() -> Response:
            review = api.services.review
            version = seen_version(request)
            return _answered(
                review.give(
                    case_id, body.verdict, person.name, body.reason, revoke=body.revoke, version=version
                )
            )

        return api.once.do(request, person, give)


@dataclass(frozen=True, slots=True)
class Other:
    """An act that adds to a case's timeline and closes nothing."""

    path: str
    operation_id: str
    does: str
    body: type
    example: Any
    act: Callable[[Reviewing, str, str, Any], Case]


OTHERS: Final = (
    Other(
        "comments",
        "commentOnCase",
        "Add a line to the timeline; reminders stop, as somebody acts.",
        WriteComment,
        COMMENT,
        lambda review, case_id, who, body: review.comment(case_id, who, body.text),
    ),
    Other(
        "rotation-requests",
        "askForRotation",
        "Tell the key's owner to replace it; the case stays open.",
        GiveReason,
        ROTATION,
        lambda review, case_id, who, body: review.ask_rotation(case_id, who, body.reason),
    ),
    Other(
        "end-allowances",
        "endAllowances",
        "What a false-positive verdict let pass is watched again.",
        GiveReason,
        WATCH_AGAIN,
        lambda review, case_id, who, body: review.end_allowances(case_id, who, body.reason),
    ),
)


def _add_other(router: APIRouter, api: Api, other: Other) -> None:
    described = _act(other.operation_id, other.body, other.example)

    @router.post(f"/cases/{{case_id}}/{other.path}", description=other.does, **described)
    def done(
        request: Request,
        case_id: str,
        person: Person = api.responder,
        body: Any = Depends(taken(other.body)),  # noqa: B008
    ) -> Response:
        def act() -> Response:
            _check(api, request, case_id)
            return _answered(other.act(api.services.review, case_id, person.name, body))

        return api.once.do(request, person, act)


def _answered(case: Case) -> Response:
    return answer(case, version=case.version)


def _check(api: Api, request: Request, case_id: str) -> None:
    """Refuse early where the person saw another version; these acts do harm to no other."""
    version = seen_version(request)
    if version and api.services.cases.get(case_id).version != version:
        raise Refused(Reason.CONFLICT, f"case {case_id} has changed: look again, then decide")
