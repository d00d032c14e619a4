"""``GET /login``: the form; what it is sent to is in ``console.access``."""

from __future__ import annotations

from fastapi import APIRouter, Response

from console.access.doors import inside
from console.pages.rendering import Pages


def add(router: APIRouter, pages: Pages) -> None:
    """For whoever is not known yet."""

    @router.get("/login")
    def login(failed: str = "", next: str = "/") -> Response:  # noqa: A002 - as the doors have it
        return pages.bare("login.html", failed=failed, next=inside(next), oidc=pages.access.oidc)
