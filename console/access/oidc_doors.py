"""``GET /login/oidc`` and the provider's way back."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Query, Request
from fastapi.responses import RedirectResponse, Response

from console.access.access import Access
from console.access.code_flow import CALLBACK, LIVES_S, CodeFlow
from console.access.doors import entered, inside
from domain.errors import Reason, Refused

BEGUN: Final = "-login"
Text = Annotated[str, Query(max_length=4096)]


def oidc_doors(access: Access, flow: CodeFlow) -> APIRouter:
    """What goes wrong leads to ``/login?failed=1`` and is audited."""
    router = APIRouter(include_in_schema=False)
    cookie = access.cookie + BEGUN

    @router.get("/login/oidc")
    def begin(to: Annotated[str, Query(alias="next", max_length=1024)] = "/") -> Response:
        started, address = flow.begin(inside(to))
        answer = RedirectResponse(address, 303)
        answer.set_cookie(
            cookie,
            started,
            max_age=int(LIVES_S),
            path="/",
            secure=access.settings.cookie_secure,
            httponly=True,
            samesite="lax",
        )
        return answer

    @router.get(CALLBACK)
    def callback(
        request: Request, state: Text = "", code: Text = "", iss: Text = "", error: Text = ""
    ) -> Response:
        access.check_failures(request)
        try:
            if error or not code:
                raise Refused(Reason.DENIED, "the provider did not let them in")
            person, to = flow.finish(request.cookies.get(cookie, ""), state, code, iss)
        except Refused as refusal:
            access.failed(request, "login", str(refusal))
            answer: Response = RedirectResponse("/login?failed=1", 303)
        else:
            answer = entered(access, request, access.begin(request, person), to)
        answer.delete_cookie(
            cookie, path="/", secure=access.settings.cookie_secure, httponly=True, samesite="lax"
        )
        return answer

    return router
