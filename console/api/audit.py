"""The audit log to read, and to take out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import msgspec
from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import StreamingResponse

from console.access.person import AccessRole, Person
from console.api.frame import PAGE, Api, Limit, operation, paged
from console.api.shapes import AuditList
from domain.desk import AuditLog

NDJSON = "application/x-ndjson"
A_READ = 500
Before = Annotated[
    int, Query(alias="cursor", ge=0, le=1 << 53, description="Entries below this number; 0: from the newest.")
]


def add(router: APIRouter, api: Api) -> None:
    """``/audit`` for all, ``/audit/export`` for who may take it out."""
    log = api.services.audit_log

    @router.get("/audit", **operation("listAudit", AccessRole.VIEWER, AuditList, headers=["Link"]))
    def listed(request: Request, before: Before = 0, limit: Limit = PAGE, _: Person = api.viewer) -> Response:
        """Who did what to which key, and why; newest first."""
        found = log.page(before, limit)
        after = str(found[-1].seq) if len(found) == limit and found[-1].seq > 1 else ""
        return paged(request, AuditList(items=found, next=after), after)

    @router.get("/audit/export", **operation("exportAudit", AccessRole.ADMIN, None, kind=NDJSON))
    def export(person: Person = api.admin) -> Response:
        """The whole log, newest first, one JSON object a line; the export is itself in the log."""
        api.services.audit.write(
            who=person.name, what="export audit log", key_id="", case_id="", why="by the API"
        )
        return StreamingResponse(_lines(log), media_type=NDJSON)


def _lines(log: AuditLog) -> Iterator[bytes]:
    before = 0
    while entries := log.page(before, A_READ):
        yield b"".join(msgspec.json.encode(entry) + b"\n" for entry in entries)
        before = entries[-1].seq
        if before <= 1:
            return
