"""The web pages: rendered here, usable without scripts, nothing loaded from elsewhere."""

from __future__ import annotations

from fastapi import APIRouter

from console.access.access import Access
from console.pages import (
    assets,
    audit,
    backtests,
    case,
    case_acts,
    cases,
    detectors,
    findings,
    guide,
    incidents,
    key,
    keys,
    login,
    overview,
    policy,
    search,
    silences,
)
from console.pages.rendering import Pages
from console.pages.routes import PageRoute
from console.services import Services

PAGES = (
    assets,
    login,
    overview,
    cases,
    case,
    case_acts,
    incidents,
    keys,
    key,
    findings,
    silences,
    policy,
    backtests,
    detectors,
    audit,
    search,
    guide,
)


def pages_router(services: Services, access: Access) -> APIRouter:
    """All pages and the files they need. Blocking calls run on the server's threads."""
    pages = Pages(services, access)
    whole = APIRouter(route_class=PageRoute, include_in_schema=False)
    for page in PAGES:
        page.add(whole, pages)
    return whole
