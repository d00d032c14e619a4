"""The pages without a browser: who may do what, what they cost, and what they say when they cannot."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
from redis.connection import Connection

from console.access.person import AccessRole
from console.pages.assets import address_of, assets
from domain.case import CaseState
from domain.ports import CaseQuery
from domain.profile import new_profiles
from monitor.checkpoint.redis import RedisStateStore
from monitor.config import Config, RedisConfig
from monitor.connect import connect_redis
from monitor.wiring_alerting import office_for
from monitor.wiring_readers import readers_for
from tests.console.house import InProcess
from tests.console.scene import STOLEN, Scene, silence_of
from tests.servers import redis_server

pytestmark = pytest.mark.redis
VIEWER, RESPONDER, ADMIN = AccessRole
BASE: Final = "http://127.0.0.1"
OURS: Final = {"Origin": BASE}


def browser(scene: Scene, role: AccessRole) -> httpx.Client:
    """Logged in."""
    found = httpx.Client(transport=InProcess(scene.app), base_url=BASE)
    found.post("/login", data={"token": scene.house.token[role]}, headers=OURS)
    return found


def csrf_of(page: httpx.Response) -> str:
    """The token of the page's forms."""
    found = re.search(r'name="csrf" value="([0-9a-f]+)"', page.text)
    assert found
    return found[1]


@pytest.fixture
def scene(redis_url: str, tmp_path: Path) -> Iterator[Scene]:
    client = connect_redis(redis_url)
    yield Scene(client, tmp_path)
    client.close()


def acts_of(scene: Scene) -> dict[str, dict[str, Any]]:
    """Every act of the pages, as its form sends it."""
    case, silence = scene.case_of(STOLEN), silence_of(scene)
    path, seen = f"/cases/{case.id}", {"version": case.version, "reason": "because"}
    return {
        f"{path}/verdict": {"verdict": "reinstate", **seen},
        f"{path}/comment": seen,
        f"{path}/ask-rotation": seen,
        f"{path}/watch-again": seen,
        "/silences": {"hours": "1", "reason": "because"},
        f"/silences/{silence.id}/end": {"reason": "because", "version": 1},
        "/key/suspend": {"id": STOLEN, "reason": "because", "sure": "true"},
        "/policy/try": {"text": "version: 1\nrules: []\n"},
    }


def test_who_may_only_look_is_refused_every_act(scene: Scene) -> None:
    acts, before = acts_of(scene), scene.case_of(STOLEN)
    viewer = browser(scene, VIEWER)
    csrf = csrf_of(viewer.get("/guide"))
    for path, form in acts.items():
        answer = viewer.post(path, data={**form, "csrf": csrf}, headers=OURS)
        assert answer.status_code == 403, path
        assert "needs the role responder" in answer.text
    assert scene.case_of(STOLEN) == before
    assert len(scene.services.silences.page().silences) == 1


def test_an_act_from_elsewhere_is_refused_and_its_words_are_kept(scene: Scene) -> None:
    acts = acts_of(scene)
    responder = browser(scene, RESPONDER)
    csrf = csrf_of(responder.get("/guide"))
    for path, form in acts.items():
        for data, headers in (
            (form, OURS),
            ({**form, "csrf": "0" * 64}, OURS),
            ({**form, "csrf": csrf}, {"Origin": "https://evil.example"}),
        ):
            answer = responder.post(path, data=data, headers=headers)
            assert answer.status_code == 403, path
            assert "What you typed" in answer.text
    assert scene.case_of(STOLEN).state is CaseState.OPEN


@pytest.mark.parametrize("version", ["0", "", "-1", "x"])
def test_a_verdict_says_which_version_it_saw(scene: Scene, version: str) -> None:
    responder, case = browser(scene, RESPONDER), scene.case_of(STOLEN)
    page = responder.get(f"/cases/{case.id}")
    form = {"csrf": csrf_of(page), "version": version, "verdict": "reinstate", "reason": "kept words"}
    answer = responder.post(f"/cases/{case.id}/verdict", data=form, headers=OURS)
    assert answer.status_code == 422
    assert "kept words" in answer.text
    assert scene.case_of(STOLEN).version == case.version


@pytest.mark.parametrize(("verdict", "reason"), [("", "why"), ("shoot", "why"), ("reinstate", "  ")])
def test_a_verdict_needs_a_choice_and_a_reason(scene: Scene, verdict: str, reason: str) -> None:
    responder, case = browser(scene, RESPONDER), scene.case_of(STOLEN)
    page = responder.get(f"/cases/{case.id}")
    form = {"csrf": csrf_of(page), "version": case.version, "verdict": verdict, "reason": reason}
    answer = responder.post(f"/cases/{case.id}/verdict", data=form, headers=OURS)
    assert answer.status_code == 422
    assert 'role="alert"' in answer.text


def test_a_key_is_revoked_only_with_a_confirmation(scene: Scene) -> None:
    responder, case = browser(scene, RESPONDER), scene.case_of(STOLEN)
    page = responder.get(f"/cases/{case.id}")
    form = {"csrf": csrf_of(page), "version": case.version, "reason": "it leaked", "revoke": "true"}
    responder.post(f"/cases/{case.id}/verdict", data={**form, "verdict": "confirm"}, headers=OURS)
    assert scene.case_of(STOLEN).revoked
    assert "revoked for good" in responder.get(f"/cases/{case.id}").text


def test_search_goes_there(scene: Scene) -> None:
    viewer, case = browser(scene, VIEWER), scene.case_of(STOLEN)
    for wanted, found in (
        (f" {case.id} ", f"/cases/{case.id}"),
        (case.incident_id, f"/incidents/{case.incident_id}"),
        (STOLEN, f"/key?id={STOLEN}"),
        ("case_nobody", "/key?id=case_nobody"),
        ("../x?y#z", "/key?id=..%2Fx%3Fy%23z"),
    ):
        assert viewer.get("/search", params={"q": wanted}).headers["location"] == found
    assert "Nothing to search for" in viewer.get("/search").text


def test_whoever_is_not_logged_in_comes_back_after_it(scene: Scene) -> None:
    visitor = httpx.Client(transport=InProcess(scene.app), base_url=BASE)
    answer = visitor.get("/cases?state=all")
    assert answer.headers["location"] == "/login?next=%2Fcases%3Fstate%3Dall"
    part = visitor.get("/overview/live", headers={"HX-Request": "true", "Referer": f"{BASE}/"})
    assert (part.status_code, part.headers["hx-redirect"]) == (204, "/login?next=%2F")
    assert 'value="/"' in visitor.get("/login?next=//evil.example").text


def test_what_is_not_there_is_a_page_too(scene: Scene) -> None:
    viewer = browser(scene, VIEWER)
    for path in ("/cases/case_nobody", "/incidents/inc_nobody", "/static/nothing.js"):
        answer = viewer.get(path)
        assert answer.status_code == 404
        assert "<h1>Not found</h1>" in answer.text
    assert viewer.get("/cases?cursor=nonsense%00").status_code in (200, 422)
    assert viewer.get("/audit?before=x").status_code == 422


def test_a_silent_redis_is_said_with_what_was_typed(tmp_path: Path) -> None:
    with redis_server(tmp_path) as url:
        client = connect_redis(url)
        scene = Scene(client, tmp_path, others=0)
        responder = browser(scene, RESPONDER)
        case = scene.case_of(STOLEN)
        csrf = csrf_of(responder.get(f"/cases/{case.id}"))
    answer = responder.get("/cases")
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "5"
    assert '<a class="button button-main" href="/cases">Try again</a>' in answer.text
    form = {"csrf": csrf, "version": case.version, "verdict": "reinstate", "reason": "kept words"}
    answer = responder.post(f"/cases/{case.id}/verdict", data=form, headers=OURS)
    assert answer.status_code == 503
    assert "kept words" in answer.text
    client.close()


class RoundTrips:
    """Counts what is sent to Redis, a pipeline once."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.count = 0
        send = Connection.send_packed_command

        def counted(connection: Connection, *args: Any, **more: Any) -> None:
            self.count += 1
            send(connection, *args, **more)  # type: ignore[no-untyped-call]

        monkeypatch.setattr(Connection, "send_packed_command", counted)

    def of(self, visitor: httpx.Client, path: str) -> int:
        """Of one page."""
        before = self.count
        assert visitor.get(path).status_code == 200, path
        return self.count - before


def test_a_page_costs_the_same_whatever_there_is(
    redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = connect_redis(redis_url)
    scene = Scene(client, tmp_path, others=30)
    viewer, trips, case = browser(scene, VIEWER), RoundTrips(monkeypatch), scene.case_of(STOLEN)
    paths = ["/", "/overview/live", "/cases", "/cases?state=all", f"/cases/{case.id}", "/incidents"]
    paths += [f"/incidents/{case.incident_id}", "/keys", f"/key?id={STOLEN}", "/findings", "/silences"]
    paths += ["/policy", "/detectors", "/audit", "/guide"]
    before = {path: trips.of(viewer, path) for path in paths}
    scene.bursts(range(30, 120))
    assert len(scene.services.cases.page(CaseQuery(limit=1_000)).cases) == 122
    assert {path: trips.of(viewer, path) for path in paths} == before
    assert max(before.values()) <= 20, before
    client.close()


def test_pages_of_real_readers_cost_the_same_whatever_the_number_of_keys(
    redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = connect_redis(redis_url)
    config = Config(redis=RedisConfig(url=redis_url))
    office, store = office_for(config, client), RedisStateStore(client, config.kafka.topic)
    found = readers_for(config, client, office)
    real = {name: getattr(found, name) for name in ("overview", "findings", "directory", "policy")}
    scene = Scene(client, tmp_path, readers={**real, "history": office.history})
    viewer, trips = browser(scene, VIEWER), RoundTrips(monkeypatch)
    for partition in range(2):
        store.claim(partition, b"fence")
    fill(client, store, 0, 100)
    paths = ["/", "/keys", "/key?id=filled_7", "/findings", f"/cases/{scene.case_of(STOLEN).id}"]
    before = {path: trips.of(viewer, path) for path in paths}
    assert "filled_" in viewer.get("/keys").text
    assert "100,000" in viewer.get("/key?id=filled_7").text
    fill(client, store, 100, 20_000)
    after = {path: trips.of(viewer, path) for path in paths}
    assert max(after.values()) <= 24, after
    assert {**after, "/keys": 0} == {**before, "/keys": 0}
    client.close()


def fill(client: Any, store: RedisStateStore, begin: int, end: int) -> None:
    """Keys with a baseline."""
    row = new_profiles(1)
    row["events"] = 100_000
    rows = {f"filled_{number}": row.tobytes() for number in range(begin, end)}
    client.hset(store.key(0, "profiles"), mapping=rows)


def test_files_are_kept_by_browsers_until_they_change(scene: Scene) -> None:
    visitor = httpx.Client(transport=InProcess(scene.app), base_url=BASE)
    for name, asset in assets().items():
        answer = visitor.get(address_of(name))
        assert answer.content == asset.body
        assert "immutable" in answer.headers["cache-control"]
        assert "max-age=0" in visitor.get(f"/static/{name}").headers["cache-control"]
        again = visitor.get(f"/static/{name}", headers={"If-None-Match": answer.headers["etag"]})
        assert again.status_code == 304
    assert visitor.get(address_of("land.svg")).text.startswith("<svg")


INLINE: Final = r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son[a-z]+=|javascript:|\|\s*safe"


def test_no_template_has_script_or_style_of_its_own() -> None:
    for template in (files("console") / "templates").iterdir():
        text = template.read_text()
        assert not re.search(
            r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son[a-z]+=|javascript:|\|\s*safe", text
        )
        assert "https://" not in text
        assert "http://" not in text.replace("http://www.w3.org", "")


def test_what_we_ship_of_others_has_its_licence() -> None:
    vendor = files("console") / "static" / "vendor"
    assert "Zero-Clause BSD" in (vendor / "htmx.LICENSE").read_text()
    assert "MIT" in (vendor / "uplot.LICENSE").read_text()
    assert 'version:"2.0.11"' in (vendor / "htmx.min.js").read_text()
    assert "(v1.6.32)" in (vendor / "uplot.min.js").read_text()
