"""How the whole fares."""

from __future__ import annotations

from fastapi import APIRouter, Response

from console.access.person import AccessRole, Person
from console.api.frame import Api, answer, operation
from console.api.keys import precision_of
from console.api.shapes import PrecisionReport
from domain.desk import DeliveryReport
from domain.overview import Pulse

VIEWER = AccessRole.VIEWER


def add(router: APIRouter, api: Api) -> None:
    """``/overview``, ``/health``, ``/precision``."""

    @router.get("/overview", **operation("getOverview", VIEWER, Pulse))
    def overview(_: Person = api.viewer) -> Response:
        """How all replicas together fare: rates, lag, budgets, delivery, the last hour by the minute."""
        return answer(api.services.overview.pulse())

    @router.get("/health", **operation("getHealth", VIEWER, DeliveryReport))
    def health(_: Person = api.viewer) -> Response:
        """Whether alerts arrive."""
        return answer(api.services.delivery())

    @router.get("/precision", **operation("getPrecision", VIEWER, PrecisionReport))
    def precision(_: Person = api.viewer) -> Response:
        """How each detector's findings fared with people's verdicts."""
        return answer(PrecisionReport(detectors=precision_of(api)))
