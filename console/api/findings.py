"""Findings of the last days, also those that policy only observed."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from console.access.person import AccessRole, Person
from console.api.cases import Name
from console.api.frame import PAGE, Api, Cursor, Limit, operation, paged
from console.api.shapes import FindingList
from domain.overview import FindingQuery


def add(router: APIRouter, api: Api) -> None:
    """``/findings``."""

    @router.get("/findings", **operation("listFindings", AccessRole.VIEWER, FindingList, headers=["Link"]))
    def findings(
        request: Request,
        _: Person = api.viewer,
        key_id: Name = "",
        tenant: Name = "",
        detector: Name = "",
        cursor: Cursor = "",
        limit: Limit = PAGE,
    ) -> Response:
        """Findings, newest first, with what became of each."""
        found = api.services.findings.page(FindingQuery(key_id, tenant, detector, cursor, limit))
        return paged(request, FindingList(items=found.findings, next=found.cursor), found.cursor)
