"""What a browser is told when something went wrong; needs no store, so that it works while all are silent."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Final
from urllib.parse import quote, urlsplit

from fastapi import Request
from fastapi.responses import HTMLResponse, Response
from jinja2 import Template

from console.access.doors import inside
from console.pages.rendering import environment, wants_part
from console.problems import OURS, RETRY_AFTER_S

TITLES: Final = {
    401: "Your session has ended",
    403: "Not allowed",
    404: "Not found",
    405: "Not found",
    409: "Not possible now",
    413: "Too long",
    422: "Something is missing",
    429: "Too many requests",
    500: "Something is wrong",
    503: "No answer from a store",
}
NOWHERE: Final = "there is no page at this address; keys, cases and incidents are found by their ids"
_FRAMEWORK: Final = ("Not Found", "Method Not Allowed")
"""What the framework says of an address that is none; we have better words."""


def error_page(
    request: Request,
    status: int,
    message: str,
    headers: Mapping[str, str] | None = None,
    typed: str = "",
) -> Response:
    """What went wrong, what was typed, and how to go on."""
    text = _template().render(
        title=TITLES.get(status, "Something is wrong"),
        message=OURS if status == 500 else NOWHERE if message in _FRAMEWORK else message,
        again=_again(request, status),
        silent=status == 503,
        typed=typed,
    )
    answer = HTMLResponse(text, status, headers={"Cache-Control": "no-store"})
    answer.headers.update(headers or ({"Retry-After": str(RETRY_AFTER_S)} if status == 503 else {}))
    return answer


@cache
def _template() -> Template:
    return environment().get_template("error.html")


def _again(request: Request, status: int) -> str:
    if status == 401:
        return login_of(request)
    return "" if status in (404, 405) else page_of(request)


def login_of(request: Request) -> str:
    """After logging in they come back to the page they were on."""
    return f"/login?next={quote(page_of(request), safe='')}"


def page_of(request: Request) -> str:
    """The page a person is on: this one, or the one that this form or part belongs to. Never elsewhere: a
    path may begin with two slashes, and a link to it would lead to another host.
    """
    if request.method == "GET" and not wants_part(request):
        query = f"?{request.url.query}" if request.url.query else ""
        return inside(request.url.path + query)
    came = urlsplit(request.headers.get("referer", ""))
    return inside(came.path) if came.netloc == request.headers.get("host", "") else "/"
