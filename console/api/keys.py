"""Keys: which there are, how one is now, and stopping one by hand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from console.access.person import AccessRole, Person
from console.api.frame import PAGE, Api, Cursor, Limit, answer, operation, paged, taken
from console.api.shapes import Key, KeyList, Precision, SuspendKey, line_of
from console.suspending import suspend_by_hand
from domain.errors import KeywatchError
from domain.ports import CaseQuery, KeyStatus

VIEWER = AccessRole.VIEWER
SHOWN = 10
SUSPEND = SuspendKey(key_id="key_1f0c", reason="the customer has lost a laptop")
KeyId = Annotated[str, Query(min_length=1, max_length=512, description="The key's id, byte for byte.")]


def add(router: APIRouter, api: Api) -> None:
    """``/keys``, ``/key`` (its id is a parameter, as ids may hold what a path cannot), ``/suspensions``."""

    @router.get("/keys", **operation("listKeys", VIEWER, KeyList, headers=["Link"]))
    def keys(request: Request, _: Person = api.viewer, cursor: Cursor = "", limit: Limit = PAGE) -> Response:
        """Keys that have a baseline."""
        found = api.services.directory.page(cursor, limit)
        return paged(request, KeyList(items=found.keys, next=found.cursor), found.cursor)

    @router.get("/key", **operation("getKey", VIEWER, Key))
    def key(key_id: KeyId, _: Person = api.viewer) -> Response:
        """One key as it is now: its state, its day beside what is usual, its newest cases."""
        return answer(_key(api, key_id))

    @router.post(
        "/suspensions",
        **operation(
            "suspendKey",
            AccessRole.RESPONDER,
            KeyStatus,
            body=SuspendKey,
            example=SUSPEND,
            fails=[404, 409],
            takes=["Idempotency-Key"],
        ),
    )
    def suspend(
        request: Request,
        person: Person = api.responder,
        body: SuspendKey = Depends(taken(SuspendKey)),  # noqa: B008
    ) -> Response:
        """Stop a key until a person lets it go. 409 where the key store cannot do that from here."""

        def act() -> Response:
            return answer(suspend_by_hand(api.services, person.name, body.key_id, body.reason))

        return api.once.do(request, person, act)


def _key(api: Api, key_id: str) -> Key:
    services = api.services
    status, wrong = _status(api, key_id)
    cases = services.cases.page(CaseQuery(key_id=key_id, limit=SHOWN)).cases
    return Key(
        key_id=key_id,
        status=status,
        status_error=wrong,
        picture=services.history.picture(key_id),
        cases=[line_of(case) for case in cases],
        precision=precision_of(api, key_id),
    )


def _status(api: Api, key_id: str) -> tuple[KeyStatus | None, str]:
    """Evidence is shown also while the key store does not answer, or does not know the key."""
    try:
        return api.services.keys.describe(key_id), ""
    except KeywatchError as error:
        return None, str(error)


def precision_of(api: Api, key_id: str = "") -> Mapping[str, Precision]:
    """Each detector's record, on one key or on all."""
    return {
        detector: Precision(
            confirmed=score.confirmed,
            false_positive=score.false_positive,
            reinstated=score.reinstated,
            precision=score.precision,
        )
        for detector, score in api.services.cases.precision(key_id).items()
    }
