"""A backtest by the pages: started by an admin, looked at by all."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
from axe_playwright_python.sync_playwright import Axe

from console.access.person import AccessRole
from domain.overview import Backtest, BacktestState
from monitor.backtest import Change, Comparison, KeyOutcome, PolicyOutcome
from monitor.connect import connect_redis
from tests.alerts import NOW_MS
from tests.console.browser import Visit, chromium
from tests.console.scene import HOSTILE, STOLEN, Scene, served
from tests.console.stand_ins import HeldBacktests
from tests.console.test_browser import VIOLATIONS
from tests.console.test_pages import OURS, browser, csrf_of

pytestmark = pytest.mark.redis
VIEWER, RESPONDER, ADMIN = AccessRole
FORM = {"text": "version: 1\nrules: []\n", "begin": "2026-05-27T10:00", "end": "2026-05-28T10:00"}


def outcome(key_id: str, action: str) -> KeyOutcome:
    return KeyOutcome(
        key_id=key_id,
        tenant="acme",
        action=action,
        rule="stolen key",
        why="risk",
        first_ms=NOW_MS,
        suspended_ms=None,
        alerts=1,
        cases=1,
        findings=2,
        risk=0.97,
        held_back="",
    )


def policy_outcome(name: str, suspended: int) -> PolicyOutcome:
    return PolicyOutcome(
        name=name,
        events=12_345,
        findings=17,
        observed=4,
        alerts=9,
        suspended=suspended,
        would_suspend=0,
        held_back=0,
        keys=[],
    )


def report() -> dict[str, Any]:
    found = Comparison(
        from_ms=None,
        to_ms=None,
        old=policy_outcome("old", 3),
        new=policy_outcome("new", 5),
        only_old=[],
        only_new=[outcome(HOSTILE, "alert")],
        changed=[
            Change(
                key_id=STOLEN, what=["action"], old=outcome(STOLEN, "alert"), new=outcome(STOLEN, "suspend")
            )
        ],
        same=7,
    )
    made: dict[str, Any] = msgspec.to_builtins(found)
    return made


@pytest.fixture
def held() -> HeldBacktests:
    return HeldBacktests()


@pytest.fixture
def scene(redis_url: str, tmp_path: Path, held: HeldBacktests) -> Iterator[Scene]:
    client = connect_redis(redis_url)
    yield Scene(client, tmp_path, others=0, readers={"backtests": held})
    client.close()


def ended(held: HeldBacktests, state: BacktestState, **more: Any) -> Backtest:
    made = Backtest("bt_9", state, "console:admin@shop.example", NOW_MS, ended_ms=NOW_MS + 60_000, **more)
    held.kept["bt_9"] = made
    return made


def test_an_admin_starts_it_and_all_see_how_it_goes(scene: Scene, held: HeldBacktests) -> None:
    admin = browser(scene, ADMIN)
    page = admin.get("/policy/backtests")
    assert "/policy/backtests" in admin.get("/policy").text
    assert re.search(r'name="begin"[^>]* value="2026-\d\d-\d\dT\d\d:\d\d"', page.text)
    answer = admin.post("/policy/backtests", data={**FORM, "csrf": csrf_of(page)}, headers=OURS)
    assert answer.status_code == 303
    viewer = browser(scene, VIEWER)
    page = viewer.get(answer.headers["location"])
    assert "running" in page.text
    assert 'hx-trigger="every 3s"' in page.text
    held.kept["bt_0"] = replace(held.kept["bt_0"], state=BacktestState.DONE, report=report())
    part = viewer.get(answer.headers["location"], headers={"HX-Request": "true"}).text
    assert "hx-trigger" not in part
    assert "of 12,345 events" in part
    assert re.search(r'keys suspended</th><td class="num">3</td><td class="num">5</td>', part)
    assert "<img" not in part
    assert viewer.get("/policy/backtests/bt_8").status_code == 404


@pytest.mark.parametrize("role", [VIEWER, RESPONDER])
def test_others_start_none(scene: Scene, held: HeldBacktests, role: AccessRole) -> None:
    person = browser(scene, role)
    assert "/policy/backtests" not in person.get("/policy").text
    assert person.get("/policy/backtests").status_code == 403
    form = {**FORM, "csrf": csrf_of(person.get("/guide"))}
    assert person.post("/policy/backtests", data=form, headers=OURS).status_code == 403
    assert held.kept == {}


@pytest.mark.parametrize("headers", [OURS, {"Origin": "https://evil.example"}])
def test_none_is_started_from_elsewhere(scene: Scene, held: HeldBacktests, headers: dict[str, str]) -> None:
    admin = browser(scene, ADMIN)
    csrf = csrf_of(admin.get("/policy/backtests")) if headers != OURS else "0" * 64
    answer = admin.post("/policy/backtests", data={**FORM, "csrf": csrf}, headers=headers)
    assert answer.status_code == 403
    assert held.kept == {}


@pytest.mark.parametrize(
    ("changed", "status", "said"),
    [
        ({"begin": "yesterday"}, 422, "from: write a date and a time"),
        ({"end": FORM["begin"]}, 422, "the period is wrong"),
        ({"text": "rules: []"}, 422, "the policy or the period"),
        ({"text": "#" * 65_537}, 413, "the policy is longer than 65,536 characters"),
    ],
)
def test_what_is_wrong_is_said_beside_the_form(
    scene: Scene, changed: dict[str, str], status: int, said: str
) -> None:
    admin = browser(scene, ADMIN)
    form = {**FORM, "csrf": csrf_of(admin.get("/policy/backtests")), **changed}
    answer = admin.post("/policy/backtests", data=form, headers=OURS)
    assert (answer.status_code, said in answer.text) == (status, True)
    assert f'value="{form["begin"]}"' in answer.text


def test_its_pages_are_for_everybody(scene: Scene, held: HeldBacktests) -> None:
    keys = scene.office.stores.keys
    keys.import_external("key_steady", "acme", "ops@acme.example")
    ended(held, BacktestState.DONE, report=report())
    held.kept["bt_f"] = replace(held.kept["bt_9"], state=BacktestState.FAILED, error="Kafka is away")
    wrong, axe = list[str](), Axe()
    with chromium() as running, served(scene.app) as base, Visit(running, base) as visit:
        page = visit.log_in(scene, ADMIN)
        for path in (
            "/policy/backtests",
            "/policy/backtests/bt_9",
            "/policy/backtests/bt_f",
            "/key?id=key_steady",
            "/nowhere",
        ):
            for scheme in ("light", "dark"):
                page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
                page.goto(path)
                if path.startswith("/key"):
                    page.get_by_text("Suspend this key").click()
                found = axe.run(page, options=VIOLATIONS).response["violations"]
                wrong += [f"{path}, {scheme}: {one['id']} {one['nodes'][0]['html']}" for one in found]
    assert not wrong, "\n".join(wrong)
