"""Silences to read."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from console.access.person import AccessRole, Person
from console.api.frame import PAGE, Api, Cursor, Limit, answer, operation, paged
from console.api.shapes import SilenceList
from domain.silence import Silence

VIEWER = AccessRole.VIEWER


def add(router: APIRouter, api: Api) -> None:
    """``/silences`` and ``/silences/{silence_id}``."""
    silences = api.services.silences

    @router.get("/silences", **operation("listSilences", VIEWER, SilenceList, headers=["Link"]))
    def listed(
        request: Request, _: Person = api.viewer, cursor: Cursor = "", limit: Limit = PAGE
    ) -> Response:
        """Silences, newest first, also those that are over."""
        found = silences.page(cursor, limit)
        return paged(request, SilenceList(items=found.silences, next=found.cursor), found.cursor)

    @router.get(
        "/silences/{silence_id}", **operation("getSilence", VIEWER, Silence, fails=[404], headers=["ETag"])
    )
    def silence(silence_id: str, _: Person = api.viewer) -> Response:
        """One silence."""
        found = silences.get(silence_id)
        return answer(found, version=found.version)
