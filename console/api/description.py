"""OpenAPI 3.1 of the API: ``python -m console.api.description`` writes docs/reference/openapi.json."""

from __future__ import annotations

import re
from functools import cache
from importlib.metadata import version
from typing import Any, Final

import msgspec
from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.openapi.utils import get_openapi

from console.access.access import SAFE
from console.api import shapes
from console.api.frame import JSON, PREFIX, reference
from console.problems import PROBLEM
from domain import case, desk, incident, overview, ports, silence

PATH: Final = "/openapi.json"
TYPES: Final = (
    shapes.CaseList,
    shapes.GiveVerdict,
    shapes.WriteComment,
    shapes.GiveReason,
    shapes.IncidentList,
    shapes.KeyList,
    shapes.PrecisionReport,
    shapes.Key,
    shapes.SuspendKey,
    shapes.FindingList,
    shapes.SilenceList,
    shapes.BeginSilence,
    shapes.ChangeSilence,
    shapes.PolicyInUse,
    shapes.TryPolicy,
    shapes.ComparePolicy,
    shapes.PolicyProblems,
    shapes.StartBacktest,
    shapes.AuditList,
    shapes.Myself,
    shapes.Problem,
    case.Case,
    desk.DeliveryReport,
    incident.Incident,
    overview.Backtest,
    overview.PolicyDifference,
    overview.Pulse,
    ports.KeyStatus,
    silence.Silence,
)
_CAPITAL: Final = re.compile("[A-Z]")
_FAILS: Final = {
    400: "The request cannot be read.",
    401: "No token, or none that is valid.",
    403: "Your role does not cover this, or it did not come from a page of this console.",
    404: "There is no such thing.",
    409: "Not possible in this state, or a first request with the same key is not over.",
    412: "It has changed since the version in `If-Match`.",
    413: "The body is too long.",
    415: "The body is not JSON by its `Content-Type`.",
    422: "The request does not fit this operation, or the `Idempotency-Key` was used with another body.",
    428: "`If-Match` is missing.",
    429: "Too many requests; see `Retry-After`.",
    500: "Something is wrong on our side.",
    503: "A store does not answer; see `Retry-After`.",
}
_HEADERS: Final = {
    "ETag": ("The version, for `If-Match`.", {"type": "string", "pattern": '^"[0-9]+"$'}),
    "Link": ("The next page (RFC 8288); absent on the last.", {"type": "string"}),
    "Location": ("Where it is from now on.", {"type": "string"}),
    "Retry-After": ("Seconds to wait.", {"type": "integer", "minimum": 1}),
}
_IF_MATCH: Final = {
    "name": "If-Match",
    "in": "header",
    "required": False,
    "description": "The ETag of the version that you saw.",
    "schema": {"type": "string", "pattern": r'^(\*|"[0-9]{1,15}")$'},
    "example": '"3"',
}
_IDEMPOTENCY: Final = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "A value of your own, such as a UUID: a request sent again within a day is done once.",
    "schema": {"type": "string", "pattern": r"^[!#-~]{1,255}$"},
    "example": "8e03978e-40d5-43dd-bc93-6894a57f9324",
}
_SECURITY: Final = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "A static token, or a provider's."},
    "session": {"type": "apiKey", "in": "cookie", "name": "__Host-keywatch"},
    "csrf": {"type": "apiKey", "in": "header", "name": "X-CSRF-Token", "description": "From `GET /me`."},
}


def add(router: APIRouter) -> None:
    """``/openapi.json``; holds nothing that the documentation does not."""

    @router.get(PATH, include_in_schema=False)
    def openapi(request: Request) -> Response:
        return Response(_encoded(request.app), media_type=JSON)


@cache
def _encoded(app: FastAPI) -> bytes:
    return msgspec.json.encode(description(app))


def description(app: FastAPI) -> dict[str, Any]:
    """The whole of it. Schemas are those that msgspec encodes and decodes by."""
    made = get_openapi(
        title="keywatch",
        version=version("keywatch"),
        summary="What keywatch found, and what people decide about it.",
        description="Times are epoch milliseconds. Lists are paged by `cursor`; errors are problem details "
        "(RFC 9457).",
        routes=app.routes,
    )
    made["components"] = _components()
    made["paths"] = {path: found for path, found in made["paths"].items() if path.startswith(PREFIX)}
    for path in made["paths"].values():
        for method, operation in path.items():
            _finish(method, operation)
    return made


def _finish(method: str, operation: dict[str, Any]) -> None:
    """Who may, and no schemas of FastAPI's own: its 422 is ours."""
    by_cookie: dict[str, list[str]] = (
        {"session": []} if method.upper() in SAFE else {"session": [], "csrf": []}
    )
    operation["security"] = [{"bearer": []}, by_cookie]
    does = operation["description"].replace("``", "`")
    operation["description"] = f"{does}\n\nNeeds the role {operation['x-role']}."
    operation["summary"] = _CAPITAL.sub(
        lambda found: f" {found[0].lower()}", operation["operationId"]
    ).capitalize()


def _components() -> dict[str, Any]:
    _, schemas = msgspec.json.schema_components(TYPES, ref_template="#/components/schemas/{name}")
    return {
        "schemas": dict(sorted(schemas.items())),
        "securitySchemes": _SECURITY,
        "parameters": {
            "If-Match": _IF_MATCH,
            "Needed-If-Match": {**_IF_MATCH, "required": True},
            "Idempotency-Key": _IDEMPOTENCY,
        },
        "headers": {name: {"description": words, "schema": kind} for name, (words, kind) in _HEADERS.items()},
        "responses": {str(status): _fail(status, words) for status, words in _FAILS.items()},
    }


def _fail(status: int, words: str) -> dict[str, Any]:
    made: dict[str, Any] = {
        "description": words,
        "content": {PROBLEM: {"schema": reference(shapes.Problem)}},
    }
    if status in (429, 503):
        made["headers"] = {"Retry-After": {"$ref": "#/components/headers/Retry-After"}}
    return made
