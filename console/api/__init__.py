"""The REST API under ``/api/v1``: one resource a file; described by OpenAPI 3.1."""

from __future__ import annotations

from fastapi import APIRouter

from console.access.access import Access
from console.api import (
    audit,
    backtests,
    case_acts,
    cases,
    description,
    findings,
    incidents,
    keys,
    myself,
    overview,
    policy,
    silence_acts,
    silences,
)
from console.api.frame import PREFIX, Api
from console.api.once import Once
from console.services import Services

RESOURCES = (
    overview,
    cases,
    case_acts,
    incidents,
    keys,
    findings,
    silences,
    silence_acts,
    policy,
    backtests,
    audit,
    myself,
)


def api_router(services: Services, access: Access, once: Once) -> APIRouter:
    """All operations, and their description at ``/api/v1/openapi.json``, which needs no login."""
    router = APIRouter(prefix=PREFIX)
    api = Api(services, access, once)
    for resource in RESOURCES:
        resource.add(router, api)
    description.add(router)
    return router
