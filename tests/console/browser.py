"""Chromium, as people use it: from Debian, driven by Playwright."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from playwright.sync_api import Browser, ConsoleMessage, Page, sync_playwright

from console.access.person import AccessRole
from tests.console.scene import Scene
from tests.servers import absent

WIDE: Final = (1366, 860)
NARROW: Final = (320, 640)


@contextmanager
def chromium() -> Iterator[Browser]:
    """The machine's own Chromium, as the browsers Playwright would download are not everywhere."""
    path = os.environ.get("KEYWATCH_CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    if path is None:
        absent("chromium is not installed (Debian: apt install chromium)")
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


class Visit:
    """One person's browser. ``said`` is what the browser complained of: broken scripts, the CSP."""

    def __init__(
        self,
        browser: Browser,
        base: str,
        *,
        size: tuple[int, int] = WIDE,
        dark: bool = False,
        scripts: bool = True,
    ) -> None:
        self.base = base
        width, height = size
        self.context = browser.new_context(
            base_url=base,
            viewport={"width": width, "height": height},
            color_scheme="dark" if dark else "light",
            java_script_enabled=scripts,
            reduced_motion="reduce",
        )
        self.context.set_default_timeout(10_000)
        self.page: Page = self.context.new_page()
        self.said: list[str] = []
        self.page.on("console", self._heard)
        self.page.on("pageerror", lambda error: self.said.append(str(error)))

    def log_in(self, scene: Scene, role: AccessRole, to: str = "/") -> Page:
        """With the role's token, without the form; then to a page."""
        token, origin = scene.house.token[role], {"Origin": self.base}
        answer = self.context.request.post("/login", form={"token": token}, headers=origin, max_redirects=0)
        assert answer.status == 303, answer.text()
        self.page.goto(to)
        return self.page

    def _heard(self, message: ConsoleMessage) -> None:
        """A page that is refused on purpose is no complaint."""
        refused = message.text.startswith(("Failed to load resource", "Response Status Error"))
        if message.type in ("error", "warning") and not refused:
            self.said.append(message.text)

    def __enter__(self) -> Visit:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        self.context.close()
        if kind is None:
            assert self.said == [], self.said
