"""What people do with silences. Nothing is changed unseen: ``If-Match`` is a must."""

from __future__ import annotations

import secrets
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Depends, Query, Request, Response

from console.access.person import AccessRole, Person
from console.api.frame import PREFIX, Api, answer, needed_version, operation, taken
from console.api.shapes import BeginSilence, ChangeSilence
from domain.errors import Reason, Refused
from domain.silence import Silence

RESPONDER = AccessRole.RESPONDER
BEGIN = BeginSilence(reason="load test", until_ms=1_780_003_600_000, key="ci_*", kind="volume")
CHANGE = ChangeSilence(reason="still testing", until_ms=1_780_007_200_000)
Why = Annotated[str, Query(min_length=1, max_length=2000, description="Kept in the audit.")]


def add(router: APIRouter, api: Api) -> None:
    """Begin, change, end."""
    _add_begin(router, api)
    _add_changes(router, api)


def _add_begin(router: APIRouter, api: Api) -> None:
    described = operation(
        "beginSilence",
        RESPONDER,
        Silence,
        body=BeginSilence,
        example=BEGIN,
        status=201,
        fails=[409],
        headers=["ETag", "Location"],
        takes=["Idempotency-Key"],
    )

    @router.post("/silences", **described)
    def begin(
        request: Request,
        person: Person = api.responder,
        body: BeginSilence = Depends(taken(BeginSilence)),  # noqa: B008
    ) -> Response:
        """Do not tell what matches every glob, for a while. Others hear of it; keys are still suspended."""

        def act() -> Response:
            made = api.services.silencing.add(_new(api, person, body))
            return answer(made, 201, version=made.version, Location=f"{PREFIX}/silences/{made.id}")

        return api.once.do(request, person, act)


def _add_changes(router: APIRouter, api: Api) -> None:
    silencing = api.services.silencing
    common: dict[str, Any] = {"fails": [400, 404, 409, 412, 428], "headers": ["ETag"]}
    change_described = operation(
        "changeSilence",
        RESPONDER,
        Silence,
        body=ChangeSilence,
        example=CHANGE,
        takes=["Needed-If-Match"],
        **common,
    )
    end_described = operation("endSilence", RESPONDER, Silence, takes=["Needed-If-Match"], **common)

    @router.patch("/silences/{silence_id}", **change_described)
    def change(
        request: Request,
        silence_id: str,
        person: Person = api.responder,
        body: ChangeSilence = Depends(taken(ChangeSilence)),  # noqa: B008
    ) -> Response:
        """Another scope or end. Others hear of it when more is muted than before."""
        old = _seen(api, silence_id, needed_version(request))
        given = {name: value for name, value in msgspec.structs.asdict(body).items() if value is not None}
        reason = given.pop("reason")
        changed = silencing.change(msgspec.structs.replace(old, **given), person.name, reason)
        return answer(changed, version=changed.version)

    @router.delete("/silences/{silence_id}", **end_described)
    def end(request: Request, silence_id: str, reason: Why, person: Person = api.responder) -> Response:
        """End it now; it stays to be looked at."""
        _seen(api, silence_id, needed_version(request))
        ended = silencing.end(silence_id, person.name, reason)
        return answer(ended, version=ended.version)


def _new(api: Api, person: Person, body: BeginSilence) -> Silence:
    scope = {name: value for name, value in msgspec.structs.asdict(body).items() if name != "reason"}
    return Silence(
        id=f"sil_{secrets.token_hex(8)}",
        who=person.name,
        why=body.reason,
        created_ms=api.now_ms(),
        **scope,
    )


def _seen(api: Api, silence_id: str, version: int) -> Silence:
    """The silence as the person saw it. Raises ``Refused(CONFLICT)`` when it has changed."""
    found = api.services.silences.get(silence_id)
    if version and found.version != version:
        raise Refused(Reason.CONFLICT, f"silence {silence_id} has changed: look again, then decide")
    return found
