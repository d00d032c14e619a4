"""Style, scripts and the map's land: a closed set of files, held in memory, shipped with us."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Final

import msgspec
from fastapi import APIRouter, Request, Response

from domain.errors import Reason, Refused

if TYPE_CHECKING:
    from console.pages.rendering import Pages

CSS: Final = "text/css; charset=utf-8"
SCRIPT: Final = "text/javascript; charset=utf-8"
_FILES: Final = {
    "console.css": ("console.css", CSS),
    "uplot.css": ("vendor/uplot.css", CSS),
    "htmx.js": ("vendor/htmx.min.js", SCRIPT),
    "uplot.js": ("vendor/uplot.min.js", SCRIPT),
    "charts.js": ("charts.js", SCRIPT),
    "console.js": ("console.js", SCRIPT),
    "mark.svg": ("mark.svg", "image/svg+xml"),
}
_FOREVER: Final = "public, max-age=31536000, immutable"
_CHECK: Final = "public, max-age=0, must-revalidate"


@dataclass(frozen=True, slots=True)
class Asset:
    """A file as it is sent; ``tag`` changes with its bytes."""

    body: bytes
    kind: str
    tag: str


@cache
def assets() -> dict[str, Asset]:
    """All of them, by name; read once, about 200 kB."""
    static = files("console") / "static"
    found = {name: _asset((static / path).read_bytes(), kind) for name, (path, kind) in _FILES.items()}
    return {**found, "land.svg": _asset(_land(), "image/svg+xml")}


def _asset(body: bytes, kind: str) -> Asset:
    return Asset(body, kind, hashlib.sha256(body).hexdigest()[:16])


def _land() -> bytes:
    """The world's land as one path to ``<use>``: degrees as they are, north up."""
    rings = msgspec.json.decode((files("domain.world") / "land.json").read_bytes(), type=list[list[int]])
    paths = " ".join(
        "M" + " ".join(_point(x, y) for x, y in zip(r[::2], r[1::2], strict=True)) + "z" for r in rings
    )
    return f'<svg xmlns="http://www.w3.org/2000/svg"><path id="land" d="{paths}"/></svg>'.encode()


def _point(x: int, y: int) -> str:
    return f"{x / 10:g},{-y / 10:g}"


def address_of(name: str) -> str:
    """Where a page finds an asset; another address when its bytes change."""
    return f"/static/{name}?v={assets()[name].tag}"


def add(router: APIRouter, _pages: Pages) -> None:
    """Whoever asks, as the login page needs them."""

    @router.get("/static/{name}")
    def asset(name: str, request: Request, v: str = "") -> Response:
        found = assets().get(name)
        if found is None:
            raise Refused(Reason.NOT_FOUND, "there is no such file")
        return _answer(found, request, kept=v == found.tag)


def _answer(found: Asset, request: Request, *, kept: bool) -> Response:
    """``kept``: the address changes with the file, so that it is cached for good."""
    tag = f'"{found.tag}"'
    headers = {"ETag": tag, "Cache-Control": _FOREVER if kept else _CHECK}
    if request.headers.get("If-None-Match") == tag:
        return Response(status_code=304, headers=headers)
    return Response(found.body, media_type=found.kind, headers=headers)
