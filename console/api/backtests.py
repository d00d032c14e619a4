"""Backtests: recorded requests under another policy."""

from __future__ import annotations

from fastapi import APIRouter, Depends, Request, Response

from console.access.person import AccessRole, Person
from console.api.frame import PREFIX, Api, answer, operation, taken
from console.api.policy import TEXT
from console.api.shapes import StartBacktest
from domain.overview import Backtest

START = StartBacktest(policy=TEXT, from_ms=1_779_913_600_000, to_ms=1_780_000_000_000)


def add(router: APIRouter, api: Api) -> None:
    """Start one, and look how it goes."""
    backtests = api.services.backtests
    described = operation(
        "startBacktest",
        AccessRole.ADMIN,
        Backtest,
        body=StartBacktest,
        example=START,
        status=202,
        fails=[409],
        headers=["Location"],
        takes=["Idempotency-Key"],
    )

    @router.post("/backtests", **described)
    def start(
        request: Request,
        person: Person = api.admin,
        body: StartBacktest = Depends(taken(StartBacktest)),  # noqa: B008
    ) -> Response:
        """Begin a replay of what Kafka still holds of a period; one at a time."""

        def act() -> Response:
            begun = backtests.start(body.policy, body.from_ms, body.to_ms, person.name)
            return answer(begun, 202, Location=f"{PREFIX}/backtests/{begun.id}")

        return api.once.do(request, person, act)

    @router.get(
        "/backtests/{backtest_id}", **operation("getBacktest", AccessRole.VIEWER, Backtest, fails=[404])
    )
    def get(backtest_id: str, _: Person = api.viewer) -> Response:
        """How it goes; its report once it is done."""
        return answer(backtests.get(backtest_id))
