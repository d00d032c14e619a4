"""What every operation has: who may, what goes in, what comes out, and how it is described."""

from __future__ import annotations

import re
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final, TypeVar
from urllib.parse import urlencode

import msgspec
from fastapi import Depends, HTTPException, Query, Request, Response

from console.access.access import Access
from console.access.person import AccessRole
from console.api.once import Once
from console.services import Services
from domain.errors import Reason, Rejected

PREFIX: Final = "/api/v1"
JSON: Final = "application/json"
PAGE: Final = 50
_TAG: Final = re.compile(r'"([0-9]{1,15})"')
PAGE_MAX: Final = 200
Cursor = Annotated[str, Query(max_length=200, description="Where the last page ended; empty: the first.")]
Limit = Annotated[int, Query(ge=1, le=PAGE_MAX, description="At most so many; a page may be shorter.")]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Api:
    """What resources are made of."""

    services: Services
    access: Access
    once: Once

    @property
    def viewer(self) -> Any:
        """Any person."""
        return Depends(self.access.needs(AccessRole.VIEWER))

    @property
    def responder(self) -> Any:
        """A person who may decide."""
        return Depends(self.access.needs(AccessRole.RESPONDER))

    @property
    def admin(self) -> Any:
        """A person who may also start backtests and take the audit log out."""
        return Depends(self.access.needs(AccessRole.ADMIN))

    def now_ms(self) -> int:
        """The clock in epoch milliseconds."""
        return int(self.services.clock.now() * 1000)


def answer(value: Any, status: int = 200, *, version: int = 0, **headers: str) -> Response:
    """A value as JSON; its ``version`` is its ETag."""
    if version:
        headers["ETag"] = f'"{version}"'
    return Response(msgspec.json.encode(value), status, headers, JSON)


def paged(request: Request, value: Any, cursor: str) -> Response:
    """A page; a ``Link`` (RFC 8288) leads to the next, if there is one."""
    if not cursor:
        return answer(value)
    query = [(name, text) for name, text in request.query_params.multi_items() if name != "cursor"]
    to = f"{request.url.path}?{urlencode([*query, ('cursor', cursor)])}"
    return answer(value, Link=f'<{to}>; rel="next"')


def taken(kind: type[T]) -> Callable[[Request], Coroutine[Any, Any, T]]:
    """A dependency: the body as ``kind``. Raises ``HTTPException`` 415, ``Rejected`` for what is wrong."""
    decoder = msgspec.json.Decoder(kind)

    async def body(request: Request) -> T:
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() != JSON:
            raise HTTPException(415, f"send the body as {JSON}")
        raw = await request.body()
        request.state.body = raw
        try:
            return decoder.decode(raw)
        except msgspec.ValidationError as error:
            raise Rejected(Reason.WRONG_TYPE, str(error)) from error
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise Rejected(Reason.NOT_JSON, f"the body is not JSON: {error}") from error

    return body


def seen_version(request: Request) -> int:
    """The version that ``If-Match`` names; 0 without one or for ``*``. Raises ``HTTPException`` 400."""
    tag = request.headers.get("if-match", "*").strip()
    if tag == "*":
        return 0
    number = tag[1:-1]
    if (
        len(tag) > 2
        and tag[0] == tag[-1] == '"'
        and number.isascii()
        and number.isdigit()
        and len(number) < 16
    ):
        return int(number)
    raise HTTPException(400, 'If-Match must be one ETag as we gave it, such as "3"')


def needed_version(request: Request) -> int:
    """As :func:`seen_version`, where nothing is changed unseen. Raises ``HTTPException`` 428."""
    if "if-match" not in request.headers:
        raise HTTPException(428, "say which version you saw: If-Match with the ETag of a GET")
    return seen_version(request)


def operation(
    operation_id: str,
    role: AccessRole,
    returns: type | None,
    *,
    body: type | None = None,
    example: Any = None,
    status: int = 200,
    fails: Sequence[int] = (),
    kind: str = JSON,
    headers: Sequence[str] = (),
    takes: Sequence[str] = (),
) -> dict[str, Any]:
    """How FastAPI should describe an operation. ``headers`` of the answer and ``takes``, of the request, are
    names of components; ``fails`` are statuses beyond those that every operation may answer.
    """
    content = {kind: {"schema": reference(returns)}} if returns else {kind: {"schema": {"type": "string"}}}
    good: dict[str, Any] = {"description": "Done.", "content": content}
    if headers:
        good["headers"] = {name: {"$ref": f"#/components/headers/{name}"} for name in headers}
    problems = {401, 403, 422, 429, 500, 503, *fails, *({400, 413, 415} if body else ())}
    extra: dict[str, Any] = {"x-role": role.value}
    if takes:
        extra["parameters"] = [{"$ref": f"#/components/parameters/{name}"} for name in takes]
    if body:
        extra["requestBody"] = {
            "required": True,
            "content": {JSON: {"schema": reference(body), "example": msgspec.to_builtins(example)}},
        }
    return {
        "operation_id": operation_id,
        "response_class": Response,
        "status_code": status,
        "responses": {status: good, **{n: {"$ref": f"#/components/responses/{n}"} for n in sorted(problems)}},
        "openapi_extra": extra,
    }


def reference(kind: type) -> dict[str, Any]:
    """Where the schema of a type is."""
    return {"$ref": f"#/components/schemas/{kind.__name__}"}
