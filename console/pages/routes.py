"""Routes whose errors are pages: what went wrong, what was typed, and how to go on."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, Final
from urllib.parse import quote, urlsplit

from fastapi import HTTPException, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import RedirectResponse
from fastapi.routing import APIRoute

from console.pages.rendering import Pages, wants_part
from console.problems import RETRY_AFTER_S, status_of
from domain.errors import Fatal, KeywatchError

TITLES: Final = {
    401: "Your session has ended",
    403: "Not allowed",
    404: "Not found",
    409: "Not possible now",
    413: "Too long",
    422: "Something is missing",
    429: "Too many requests",
    503: "No answer from a store",
}
OURS: Final = "something is wrong on our side; the log says what"
MALFORMED: Final = "the form or address is not as a page of this console makes it"


def page_route(pages: Pages) -> type[APIRoute]:
    """The route class of all pages."""

    class PageRoute(APIRoute):
        """Answers errors as pages."""

        def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
            handle = super().get_route_handler()

            async def answer(request: Request) -> Response:
                try:
                    return await handle(request)
                except KeywatchError as error:
                    said = OURS if isinstance(error, Fatal) else str(error)
                    return _failed(pages, request, status_of(error), said, await _typed(request))
                except HTTPException as error:
                    return _turned_away(pages, request, error, await _typed(request))
                except RequestValidationError:
                    return _failed(pages, request, 422, MALFORMED, await _typed(request))

            return answer

    return PageRoute


def _turned_away(pages: Pages, request: Request, error: HTTPException, typed: str) -> Response:
    if error.status_code != 401 or request.method != "GET":
        return _failed(pages, request, error.status_code, str(error.detail), typed, error.headers)
    if wants_part(request):
        return Response(status_code=204, headers={"HX-Redirect": _login(request)})
    return RedirectResponse(_login(request), 303)


def _login(request: Request) -> str:
    """After logging in they come back to the page they were on."""
    return f"/login?next={quote(_page(request), safe='')}"


def _failed(
    pages: Pages,
    request: Request,
    status: int,
    message: str,
    typed: str,
    headers: Any = None,
) -> Response:
    answer = pages.bare(
        "error.html",
        status=status,
        title=TITLES.get(status, "Something is wrong"),
        message=message,
        again=_login(request) if status == 401 else _page(request),
        silent=status == 503,
        typed=typed,
    )
    answer.headers.update(headers or ({"Retry-After": str(RETRY_AFTER_S)} if status == 503 else {}))
    return answer


def _page(request: Request) -> str:
    """The page a person is on: this one, or the one that this form or part belongs to."""
    if request.method == "GET" and not wants_part(request):
        query = f"?{request.url.query}" if request.url.query else ""
        return request.url.path + query
    came = urlsplit(request.headers.get("referer", ""))
    return (came.path or "/") if came.netloc == request.headers.get("host", "") else "/"


async def _typed(request: Request) -> str:
    """What a person wrote into the form that is refused, so that it is not lost."""
    if "form" not in request.headers.get("content-type", ""):
        return ""
    form = await request.form()
    return str(form.get("reason") or form.get("text") or "")
