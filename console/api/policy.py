"""The policy to read and to try; it is changed where it is kept, in its file."""

from __future__ import annotations

from fastapi import APIRouter, Depends, Request, Response

from console.access.person import AccessRole, Person
from console.api.frame import Api, answer, operation, taken
from console.api.shapes import ComparePolicy, PolicyInUse, PolicyProblems, TryPolicy
from domain.overview import PolicyDifference

VIEWER = AccessRole.VIEWER
TEXT = "version: 1\nrules:\n  - {name: all, when: {risk_at_least: 0.9}, then: alert}\n"


def add(router: APIRouter, api: Api) -> None:
    """``/policy``, ``/policy/checks``, ``/policy/comparisons``."""
    policy = api.services.policy

    @router.get("/policy", **operation("getPolicy", VIEWER, PolicyInUse))
    def current(_: Person = api.viewer) -> Response:
        """The text in use."""
        return answer(PolicyInUse(policy=policy.current()))

    @router.post(
        "/policy/checks",
        **operation(
            "checkPolicy",
            VIEWER,
            PolicyProblems,
            body=TryPolicy,
            example=TryPolicy(policy=TEXT),
            takes=["Idempotency-Key"],
        ),
    )
    def check(
        request: Request,
        person: Person = api.viewer,
        body: TryPolicy = Depends(taken(TryPolicy)),  # noqa: B008
    ) -> Response:
        """What is wrong with a policy, each with what to do. Changes nothing."""
        found = lambda: answer(PolicyProblems(problems=policy.problems(body.policy)))  # noqa: E731
        return api.once.do(request, person, found)

    @router.post(
        "/policy/comparisons",
        **operation(
            "comparePolicy",
            VIEWER,
            PolicyDifference,
            body=ComparePolicy,
            example=ComparePolicy(policy=TEXT, cases=100),
            takes=["Idempotency-Key"],
        ),
    )
    def compare(
        request: Request,
        person: Person = api.viewer,
        body: ComparePolicy = Depends(taken(ComparePolicy)),  # noqa: B008
    ) -> Response:
        """What a policy would have made of the newest cases' findings. Changes nothing."""
        return api.once.do(request, person, lambda: answer(policy.compare(body.policy, body.cases)))
