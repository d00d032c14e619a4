"""Stopping a key by hand on its page."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from console.access.person import AccessRole
from domain.ports import KeyState
from monitor.connect import connect_redis
from tests.console.scene import STOLEN, Scene
from tests.console.test_pages import OURS, browser, csrf_of

pytestmark = pytest.mark.redis
VIEWER, RESPONDER, ADMIN = AccessRole
STEADY = "key_steady & sound"
PAGE = "/key?id=key_steady%20%26%20sound"


@pytest.fixture
def scene(redis_url: str, tmp_path: Path) -> Iterator[Scene]:
    client = connect_redis(redis_url)
    made = Scene(client, tmp_path, others=0)
    made.office.stores.keys.import_external(STEADY, "acme", "ops@acme.example")
    yield made
    client.close()


def test_who_may_decide_suspends_it_with_a_reason(scene: Scene) -> None:
    responder = browser(scene, RESPONDER)
    page = responder.get(PAGE)
    assert "Suspend this key" in page.text
    form = {"csrf": csrf_of(page), "id": STEADY, "reason": "a laptop is lost", "sure": "true"}
    answer = responder.post("/key/suspend", data=form, headers=OURS)
    assert answer.status_code == 303
    page = responder.get(answer.headers["location"])
    assert "The key is suspended" in page.text
    assert "Suspend this key" not in page.text, "it is stopped already"
    assert scene.services.keys.describe(STEADY).state is KeyState.SUSPENDED
    last = scene.office.audited()[-1]
    assert (last.who, last.what, last.key_id) == (
        "console:responder@shop.example",
        "suspend key by hand",
        STEADY,
    )


@pytest.mark.parametrize(
    ("changed", "status"),
    [
        ({"reason": " "}, 422),
        ({"sure": ""}, 422),
        ({"reason": "x" * 4_001}, 413),
        ({"id": "key_nobody"}, 404),
    ],
)
def test_what_is_missing_is_said_and_the_reason_stays(
    scene: Scene, changed: dict[str, str], status: int
) -> None:
    responder = browser(scene, RESPONDER)
    form = {"csrf": csrf_of(responder.get(PAGE)), "id": STEADY, "reason": "kept words", "sure": "true"}
    answer = responder.post("/key/suspend", data={**form, **changed}, headers=OURS)
    assert answer.status_code == status
    assert scene.services.keys.describe(STEADY).state is KeyState.ACTIVE
    if changed.get("sure") == "":
        assert "kept words" in answer.text


def test_it_is_not_offered_to_who_may_not_nor_where_it_cannot_be_done(
    scene: Scene, redis_url: str, tmp_path: Path
) -> None:
    assert "Suspend this key" not in browser(scene, VIEWER).get(PAGE).text
    assert "Suspend this key" not in browser(scene, ADMIN).get(f"/key?id={STOLEN}").text
    client = connect_redis(redis_url)
    lacking = Scene(client, tmp_path, others=0, readers={"people": None})
    lacking.office.stores.keys.import_external(STEADY, "acme", "ops@acme.example")
    responder = browser(lacking, RESPONDER)
    page = responder.get(PAGE)
    assert "Suspend this key" not in page.text
    form = {"csrf": csrf_of(page), "id": STEADY, "reason": "because", "sure": "true"}
    answer = responder.post("/key/suspend", data=form, headers=OURS)
    assert answer.status_code == 409
    assert "cannot suspend a key by hand" in answer.text
    client.close()
