"""Routes whose errors are pages: what went wrong, what was typed, and how to go on."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, Final

from fastapi import HTTPException, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import RedirectResponse
from fastapi.routing import APIRoute

from console.pages.errors import error_page, login_of
from console.pages.rendering import wants_part
from console.problems import note, status_of
from domain.errors import KeywatchError

MALFORMED: Final = "the form or address is not as a page of this console makes it"


class PageRoute(APIRoute):
    """Answers errors as pages. What a ``Fatal`` says of our insides is for the log."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def answer(request: Request) -> Response:
            try:
                return await handle(request)
            except KeywatchError as error:
                note(request, error)
                return error_page(request, status_of(error), str(error), typed=await _typed(request))
            except HTTPException as error:
                return _turned_away(request, error, await _typed(request))
            except RequestValidationError:
                return error_page(request, 422, MALFORMED, typed=await _typed(request))

        return answer


def _turned_away(request: Request, error: HTTPException, typed: str) -> Response:
    if error.status_code != 401 or request.method != "GET":
        return error_page(request, error.status_code, str(error.detail), error.headers, typed)
    if wants_part(request):
        return Response(status_code=204, headers={"HX-Redirect": login_of(request)})
    return RedirectResponse(login_of(request), 303)


async def _typed(request: Request) -> str:
    """What a person wrote into the form that is refused, so that it is not lost."""
    if "form" not in request.headers.get("content-type", ""):
        return ""
    form = await request.form()
    return str(form.get("reason") or form.get("text") or "")
