"""The console as one ASGI application: pages for people, an API for programs, Slack's callbacks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastapi import APIRouter, FastAPI
from starlette.types import ASGIApp

from console.access.access import Access
from console.access.code_flow import CodeFlow
from console.access.doors import doors
from console.access.oidc_doors import oidc_doors
from console.api import api_router
from console.api.once import Once
from console.pages.errors import error_page
from console.problems import add_handlers
from console.services import Services
from console.settings import ConsoleSettings
from console.shell import Shell

Pages = Callable[[Services, Access], APIRouter]


def console_app(
    services: Services,
    access: Access,
    settings: ConsoleSettings,
    *,
    once: Once | None = None,
    pages: Pages | None = None,
    slack: ASGIApp | None = None,
    failed: Callable[[str, Exception], None] = lambda _path, _error: None,
) -> FastAPI:
    """``once`` keeps the API's answers; there is no API without it. ``slack`` answers under ``/slack``.

    ``failed`` is told the path and what went wrong there.
    """
    app = FastAPI(title="keywatch", docs_url=None, redoc_url=None, openapi_url=None)
    app.include_router(doors(access))
    if access.provider is not None:
        flow = CodeFlow(access.provider, access.sessions, settings.public_url)
        app.include_router(oidc_doors(access, flow))
    if once is not None:
        app.include_router(api_router(services, access, once))
    if pages is not None:
        app.include_router(pages(services, access))
    if slack is not None:
        _mount(app, slack)
    add_handlers(app, error_page if pages is not None else None)
    app.add_middleware(Shell, body_max=settings.body_max, secure=settings.cookie_secure, failed=failed)
    return app


def _mount(app: FastAPI, slack: Any) -> None:
    """Its routes keep their whole paths, as Slack's app is also served alone."""
    app.router.routes.extend(slack.routes)
