"""The audit's page in a real browser: no hindrance to anybody, nothing loaded, nothing run."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, sync_playwright

from domain.ports import KeyState
from keystore.audit.audit import audit
from keystore.audit.controls import AuditSettings, Moment
from keystore.audit.facts import KeyFacts
from keystore.audit.page import html_page
from tests.servers import absent

HOSTILE = "<img src=http://198.18.0.1/x onerror=document.title='run'>"


@pytest.fixture
def page() -> Iterator[Page]:
    chromium = shutil.which("chromium")
    if chromium is None:
        absent("chromium is not installed (Debian: apt install chromium)")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield browser.new_page(viewport={"width": 400, "height": 800})
        browser.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_is_accessible_in_both_colours_and_hostile_text_stays_text(
    page: Page, tmp_path: Path, scheme: str
) -> None:
    keys = [
        KeyFacts(key_id=f"{HOSTILE}{n}", state=KeyState.ACTIVE, created_ms=0, wildcard=HOSTILE)
        for n in range(30)
    ]
    report = audit([keys], Moment(1_767_225_600_000, AuditSettings()))
    path = tmp_path / "report.html"
    path.write_text(html_page(report), "utf-8")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    page.goto(path.as_uri())
    closed = page.locator("details:not([open]) > summary")
    while closed.count():
        closed.first.click()
    assert page.title().startswith("Key audit")
    assert asked == [path.as_uri()]
    assert page.get_by_text(f"scope {HOSTILE}").first.is_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 400
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
