"""The console as people use it: a real Chromium, a real server, a real Redis, real cases."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from console.access.person import AccessRole
from domain.case import CaseState, Verdict
from domain.ports import CaseQuery, KeyState
from monitor.connect import connect_redis
from tests.console.browser import NARROW, Visit, chromium
from tests.console.scene import HOSTILE, STOLEN, Scene, served, silence_of

pytestmark = pytest.mark.redis
VIEWER, RESPONDER, ADMIN = AccessRole
VIOLATIONS = {"resultTypes": ["violations"]}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


@pytest.fixture
def scene(redis_url: str, tmp_path: Path) -> Iterator[Scene]:
    client = connect_redis(redis_url)
    yield Scene(client, tmp_path)
    client.close()


@pytest.fixture
def base(scene: Scene) -> Iterator[str]:
    with served(scene.app) as address:
        yield address


def decide(page: Page, verdict: str, reason: str) -> None:
    page.get_by_role("radio", name=verdict).check()
    page.get_by_label("Reason").fill(reason)
    page.get_by_role("button", name="Give verdict").click()


def test_people_come_in_by_token_and_leave(browser: Browser, scene: Scene, base: str) -> None:
    with Visit(browser, base) as visit:
        page = visit.page
        page.goto("/cases?state=all")
        expect(page).to_have_title("Log in - keywatch")
        page.get_by_label("Access token").fill("kwc_wrong")
        page.get_by_role("button", name="Log in").click()
        expect(page.get_by_role("alert")).to_contain_text("not known or has expired")
        page.get_by_label("Access token").fill(scene.house.token[VIEWER])
        page.get_by_role("button", name="Log in").click()
        expect(page).to_have_url(f"{base}/cases?state=all")
        page.get_by_role("button", name="Log out").click()
        expect(page).to_have_title("Log in - keywatch")
        page.goto("/cases")
        expect(page).to_have_title("Log in - keywatch")


def test_who_is_logged_out_while_typing_loses_no_word(browser: Browser, scene: Scene, base: str) -> None:
    with Visit(browser, base) as visit:
        page = visit.log_in(scene, RESPONDER, f"/cases/{scene.case_of(STOLEN).id}")
        scene.house.client.delete(*scene.house.client.keys("kw:console:session:*"))
        decide(page, "Reinstate", "the owner has moved")
        expect(page.get_by_role("heading", name="Your session has ended")).to_be_visible()
        expect(page.get_by_label("What you typed")).to_have_value("the owner has moved")
        page.get_by_role("link", name="Try again").click()
        page.get_by_label("Access token").fill(scene.house.token[RESPONDER])
        page.get_by_role("button", name="Log in").click()
        expect(page.get_by_role("heading", name=STOLEN)).to_be_visible()


@pytest.mark.parametrize(
    ("verdict", "name", "state", "key", "scripts"),
    [
        (Verdict.REINSTATE, "Reinstate", CaseState.REINSTATED, KeyState.ACTIVE, True),
        (Verdict.REINSTATE, "Reinstate", CaseState.REINSTATED, KeyState.ACTIVE, False),
        (Verdict.FALSE_POSITIVE, "False positive", CaseState.REINSTATED, KeyState.ACTIVE, True),
        (Verdict.CONFIRM, "Confirm misuse", CaseState.CONFIRMED, KeyState.SUSPENDED, False),
    ],
)
def test_a_case_is_reviewed(
    browser: Browser,
    scene: Scene,
    base: str,
    verdict: Verdict,
    name: str,
    state: CaseState,
    key: KeyState,
    scripts: bool,
) -> None:
    with Visit(browser, base, scripts=scripts) as visit:
        page = visit.log_in(scene, RESPONDER)
        page.get_by_role("link", name=STOLEN).first.click()
        expect(page.get_by_text("Usually", exact=True).first).to_be_visible()
        decide(page, name, "asked the owner")
        expect(page.get_by_role("status").first).to_contain_text("carried out")
        expect(page.get_by_role("button", name="Give verdict")).to_have_count(0)
    case = scene.case_of(STOLEN)
    assert (case.state, case.verdict) == (state, verdict)
    assert scene.services.keys.describe(STOLEN).state is key
    last = case.timeline[-1]
    assert (last.who, last.why) == ("console:responder@shop.example", "asked the owner")
    assert verdict.value in [entry.what for entry in scene.office.audited()]


def test_a_verdict_on_a_case_that_changed_meanwhile_is_asked_again(
    browser: Browser, scene: Scene, base: str
) -> None:
    case = scene.case_of(STOLEN)
    with Visit(browser, base) as visit:
        page = visit.log_in(scene, RESPONDER, f"/cases/{case.id}")
        scene.office.review.comment(case.id, "slack:ben", "the owner does not answer")
        decide(page, "Confirm misuse", "it is misuse, I am sure")
        expect(page.get_by_role("alert")).to_contain_text("has changed")
        expect(page.get_by_text("the owner does not answer")).to_be_visible()
        expect(page.get_by_label("Reason")).to_have_value("it is misuse, I am sure")
        expect(page.get_by_role("radio", name="Confirm misuse")).to_be_checked()
        assert scene.case_of(STOLEN).state is CaseState.OPEN
        page.get_by_role("button", name="Give verdict").click()
        expect(page.get_by_role("status").first).to_contain_text("carried out")
    assert scene.case_of(STOLEN).state is CaseState.CONFIRMED


def test_two_people_decide_where_policy_wants_two(browser: Browser, redis_url: str, tmp_path: Path) -> None:
    client = connect_redis(redis_url)
    scene = Scene(client, tmp_path, two_person=(Verdict.CONFIRM,))
    with served(scene.app) as base:
        with Visit(browser, base) as visit:
            page = visit.log_in(scene, RESPONDER, f"/cases/{scene.case_of(STOLEN).id}")
            decide(page, "Confirm misuse", "it leaked")
            expect(page.get_by_role("status").first).to_contain_text("second person")
            expect(page.get_by_text("Another person must give the same verdict")).to_be_visible()
            decide(page, "Confirm misuse", "it leaked, really")
            expect(page.get_by_role("alert")).to_contain_text("a second person must decide")
        with Visit(browser, base) as visit:
            page = visit.log_in(scene, ADMIN, f"/cases/{scene.case_of(STOLEN).id}")
            expect(page.get_by_role("radio", name="Confirm misuse")).to_be_checked()
            decide(page, "Confirm misuse", "I agree")
            expect(page.get_by_role("status").first).to_contain_text("carried out")
    assert scene.case_of(STOLEN).state is CaseState.CONFIRMED
    client.close()


def test_comments_rotation_and_what_passes(browser: Browser, scene: Scene, base: str) -> None:
    with Visit(browser, base) as visit:
        page = visit.log_in(scene, RESPONDER, f"/cases/{scene.case_of(STOLEN).id}")
        page.get_by_label("Comment").fill("first line\nsecond <b>line</b>")
        page.get_by_role("button", name="Comment").click()
        expect(page.get_by_text("second <b>line</b>")).to_be_visible()
        page.get_by_label("Comment").fill("it is old")
        page.get_by_role("button", name="Ask owner to rotate").click()
        expect(page.get_by_role("status").first).to_contain_text("asked to replace")
        decide(page, "False positive", "new office")
        expect(page.get_by_role("heading", name="Lets pass")).to_be_visible()
        page.get_by_label("Reason to watch again").fill("they moved out")
        page.get_by_role("button", name="Watch again").click()
        expect(page.get_by_role("heading", name="Lets pass")).to_have_count(0)
    whats = [note.what for note in scene.case_of(STOLEN).timeline]
    assert whats[-4:] == ["comment", "asked the owner to rotate", "false_positive", "ended its allowances"]


def test_silences_begin_and_end(browser: Browser, scene: Scene, base: str) -> None:
    with Visit(browser, base) as visit:
        page = visit.log_in(scene, RESPONDER, f"/cases/{scene.case_of(STOLEN).id}")
        page.get_by_role("link", name="Silence", exact=True).click()
        expect(page.get_by_label("Key", exact=True)).to_have_value(STOLEN)
        page.get_by_label("Hours from now").fill("9000")
        page.get_by_label("Reason", exact=True).fill("load test")
        page.get_by_role("button", name="Begin silence").click()
        expect(page.get_by_role("alert")).to_contain_text("policy allows silences of 30 days")
        expect(page.get_by_label("Reason", exact=True)).to_have_value("load test")
        page.get_by_label("Hours from now").fill("2")
        page.get_by_role("button", name="Begin silence").click()
        expect(page.get_by_role("status").first).to_contain_text("The silence runs")
        page.get_by_placeholder("Reason").fill("it is over")
        page.get_by_role("button", name="End the silence").click()
        expect(page.get_by_text("Nothing is silenced.")).to_be_visible()
    [silence] = scene.services.silences.page().silences
    assert (silence.key, silence.who) == (STOLEN, "console:responder@shop.example")


@pytest.mark.parametrize("scripts", [True, False])
def test_a_policy_is_tried_on_the_newest_cases(
    browser: Browser, scene: Scene, base: str, scripts: bool
) -> None:
    with Visit(browser, base, scripts=scripts) as visit:
        page = visit.log_in(scene, RESPONDER, "/policy")
        text = page.get_by_label("Policy to try")
        in_use = text.input_value()
        text.fill(in_use.replace("then: suspend", "then: alert"))
        page.get_by_role("button", name="Try it").click()
        changed = page.locator("#difference")
        expect(changed).to_contain_text("would have been treated otherwise")
        expect(changed.get_by_role("link", name=STOLEN)).to_be_visible()
        text.fill(in_use.replace("then: suspend", "then: shoot"))
        page.get_by_role("button", name="Try it").click()
        expect(changed).to_contain_text("write observe, alert or suspend")
        expect(text).to_have_value(in_use.replace("then: suspend", "then: shoot"))


def test_lists_go_on(browser: Browser, redis_url: str, tmp_path: Path) -> None:
    client = connect_redis(redis_url)
    scene = Scene(client, tmp_path, others=30)
    with served(scene.app) as base, Visit(browser, base) as visit:
        page = visit.log_in(scene, VIEWER, "/cases")
        rows = page.locator("[data-row]")
        expect(rows).to_have_count(25)
        first = rows.first.inner_text()
        page.get_by_role("link", name="Older").click()
        expect(rows).to_have_count(7)
        page.get_by_role("link", name="Newest").click()
        expect(rows.first).to_have_text(first)
        page.get_by_label("Key", exact=True).fill(STOLEN)
        page.get_by_role("button", name="Filter").click()
        expect(rows).to_have_count(1)
    client.close()


def test_who_may_only_look_sees_no_acts(browser: Browser, scene: Scene, base: str) -> None:
    with Visit(browser, base) as visit:
        page = visit.log_in(scene, VIEWER)
        for address in (f"/cases/{scene.case_of(STOLEN).id}", "/silences", "/policy"):
            page.goto(address)
            page.get_by_role("heading", level=1).wait_for()
            assert [button.inner_text() for button in page.get_by_role("button").all()] == ["Log out"]
        expect(page.get_by_role("heading", name="What it would change")).to_be_visible()


def test_a_case_is_found_and_decided_without_a_mouse(browser: Browser, scene: Scene, base: str) -> None:
    with Visit(browser, base) as visit:
        page = visit.log_in(scene, RESPONDER)
        press = page.keyboard.press
        press("g")
        press("c")
        expect(page).to_have_title("Cases - keywatch")
        for key in ("j", "j", "k"):
            press(key)
        expect(page.locator("[data-row]:focus")).to_contain_text(STOLEN)
        press("Enter")
        expect(page.get_by_role("heading", name=STOLEN)).to_be_visible()
        press("?")
        expect(page.get_by_role("dialog")).to_be_visible()
        press("Escape")
        press("f")
        page.keyboard.type("the customer has moved")
        press("Tab")
        press("Enter")
        expect(page.get_by_role("status").first).to_contain_text("carried out")
    assert scene.case_of(STOLEN).verdict is Verdict.FALSE_POSITIVE


def test_shortcuts_can_be_turned_off(browser: Browser, scene: Scene, base: str) -> None:
    with Visit(browser, base) as visit:
        page = visit.log_in(scene, VIEWER, "/guide")
        page.get_by_role("button", name="Turn shortcuts off").click()
        page.get_by_role("button", name="Turn shortcuts on").wait_for()
        page.keyboard.press("?")
        page.goto("/cases")
        page.keyboard.press("j")
        assert page.locator("[data-row]:focus").count() == 0
        expect(page.get_by_role("dialog")).to_be_hidden()


def test_the_overview_lives_and_can_be_paused(browser: Browser, scene: Scene, base: str) -> None:
    with Visit(browser, base) as visit:
        visit.page.clock.install()
        page = visit.log_in(scene, VIEWER)
        chart = page.locator("#traffic canvas")
        chart.wait_for()
        row = page.locator("[data-row]").filter(has_text=STOLEN)
        expect(row).to_have_count(1)
        scene.office.review.give(scene.case_of(STOLEN).id, Verdict.REINSTATE, "slack:ben", "fine")
        page.get_by_role("button", name="Pause updates").click()
        page.clock.fast_forward(5_500)
        expect(row).to_have_count(1)
        page.get_by_role("button", name="Resume updates").click()
        page.clock.fast_forward(5_500)
        expect(row).to_have_count(0)
        chart.wait_for()
        page.get_by_text("The hour as a table").click()
        scene.overview.silent = True
        page.clock.fast_forward(5_500)
        expect(page.get_by_text("The last update failed")).to_be_visible()
        scene.overview.silent = False
        page.clock.fast_forward(5_500)
        expect(page.get_by_text("The last update failed")).to_be_hidden()
        expect(page.get_by_role("region", name="Events and findings a minute")).to_be_visible()


def test_arrow_keys_read_a_chart(browser: Browser, scene: Scene, base: str) -> None:
    with Visit(browser, base) as visit:
        page = visit.log_in(scene, VIEWER, f"/cases/{scene.case_of(STOLEN).id}")
        page.locator("#day canvas").wait_for()
        page.locator("#day").focus()
        for _ in range(2):
            page.keyboard.press("ArrowLeft")
        expect(page.locator("#day + figcaption .readout")).to_contain_text("range 4,100")


def test_what_the_holder_of_a_key_writes_stays_text(browser: Browser, scene: Scene, base: str) -> None:
    with Visit(browser, base) as visit:
        visit.page.on("dialog", lambda dialog: visit.said.append(dialog.message))
        page = visit.log_in(scene, RESPONDER)
        page.get_by_label("Find a key, case or incident by its id").fill(HOSTILE)
        page.keyboard.press("Enter")
        title = page.get_by_role("heading", level=1)
        expect(title).to_contain_text("<img src=x onerror=alert(1)>U+202Egnp.exe")
        page.locator("[data-row]").first.click()
        expect(title).to_contain_text("U+202Egnp.exe")
        assert page.locator("main img, main script, main b b").count() == 0


def _everywhere(scene: Scene) -> dict[str, str]:
    case = scene.case_of(STOLEN)
    return {
        "overview": "/",
        "cases": "/cases",
        "no cases": "/cases?tenant=nobody",
        "case": f"/cases/{case.id}",
        "incidents": "/incidents",
        "incident": f"/incidents/{case.incident_id}",
        "keys": "/keys",
        "key": f"/key?id={STOLEN}",
        "unknown key": "/key?id=nobody",
        "findings": "/findings",
        "silences": "/silences",
        "policy": "/policy",
        "detectors": "/detectors",
        "audit": "/audit",
        "guide": "/guide",
        "not found": "/cases/case_nobody",
        "login": "/login",
    }


def _look(page: Page, check: Callable[[str], None]) -> None:
    """In light, in dark, and on 320 pixels."""
    check("light")
    page.emulate_media(color_scheme="dark", reduced_motion="reduce")
    check("dark")
    page.set_viewport_size({"width": NARROW[0], "height": NARROW[1]})
    check("narrow")
    page.emulate_media(color_scheme="light", reduced_motion="reduce")
    page.set_viewport_size({"width": 1366, "height": 860})


def test_every_page_is_for_everybody(browser: Browser, scene: Scene, base: str) -> None:
    silence_of(scene)
    decided = scene.services.cases.page(CaseQuery(limit=9)).cases[-1]
    scene.office.review.give(decided.id, Verdict.CONFIRM, "slack:ben", "it leaked")
    axe, wrong = Axe(), list[str]()
    with Visit(browser, base) as visit:
        page = visit.log_in(scene, RESPONDER)
        for name, address in _everywhere(scene).items():
            page.goto(address)

            def check(how: str, name: str = name) -> None:
                for one in axe.run(page, options=VIOLATIONS).response["violations"]:
                    wrong.append(f"{name}, {how}: {one['id']} {[node['html'] for node in one['nodes'][:3]]}")
                if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
                    wrong.append(f"{name}, {how}: wider than the screen")

            _look(page, check)
    assert not wrong, "\n".join(wrong)
