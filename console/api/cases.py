"""Cases to read."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from console.access.person import AccessRole, Person
from console.api.frame import PAGE, Api, Cursor, Limit, answer, operation, paged
from console.api.shapes import CaseList, line_of
from domain.case import Case, CaseState
from domain.ports import CaseQuery

VIEWER = AccessRole.VIEWER
Name = Annotated[str, Query(max_length=512, description="Exactly this one; empty: any.")]


def add(router: APIRouter, api: Api) -> None:
    """``/cases`` and ``/cases/{case_id}``."""

    @router.get("/cases", **operation("listCases", VIEWER, CaseList, headers=["Link"]))
    def cases(
        request: Request,
        _: Person = api.viewer,
        state: CaseState | None = None,
        key_id: Name = "",
        tenant: Name = "",
        cursor: Cursor = "",
        limit: Limit = PAGE,
    ) -> Response:
        """Cases, newest first, without their evidence."""
        found = api.services.cases.page(CaseQuery(state, key_id, tenant, cursor, limit))
        return paged(
            request,
            CaseList(items=[line_of(case) for case in found.cases], next=found.cursor),
            found.cursor,
        )

    @router.get("/cases/{case_id}", **operation("getCase", VIEWER, Case, fails=[404], headers=["ETag"]))
    def case(case_id: str, _: Person = api.viewer) -> Response:
        """One case with its evidence, as it was when the case opened, and its timeline."""
        found = api.services.cases.get(case_id)
        return answer(found, version=found.version)
