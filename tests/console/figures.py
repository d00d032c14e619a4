"""``python -m tests.console.figures``: the console's pages as pictures, into docs/figures/console."""

from __future__ import annotations

import io
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from PIL import Image
from playwright.sync_api import Page

from console.access.person import AccessRole
from monitor.connect import connect_redis
from tests.console.browser import WIDE, Visit, chromium
from tests.console.scene import STOLEN, Scene, served, silence_of
from tests.servers import redis_server

FIGURES: Final = Path(__file__).parents[2] / "docs" / "figures" / "console"
PHONE: Final = (390, 844)


def pictures_of(scene: Scene) -> dict[str, tuple[str, tuple[int, int], bool]]:
    """File name -> address, size and whether it is dark."""
    case = f"/cases/{scene.case_of(STOLEN).id}"
    tall = (WIDE[0], 1_300)
    return {
        "audit": ("/audit", (WIDE[0], 620), False),
        "overview": ("/", (WIDE[0], 900), False),
        "overview-dark": ("/", (WIDE[0], 900), True),
        "cases": ("/cases", (WIDE[0], 760), False),
        "case": (case, tall, False),
        "case-dark": (case, tall, True),
        "case-phone": (case, PHONE, False),
        "cases-phone": ("/cases", PHONE, True),
        "key": (f"/key?id={STOLEN}", (WIDE[0], 900), False),
        "silences": ("/silences", (WIDE[0], 860), False),
        "policy": ("/policy", (WIDE[0], 900), False),
        "detectors": ("/detectors", (WIDE[0], 520), False),
    }


def main() -> None:
    """Draw them all."""
    FIGURES.mkdir(parents=True, exist_ok=True)
    with ExitStack() as running:
        directory = Path(running.enter_context(tempfile.TemporaryDirectory()))
        client = connect_redis(running.enter_context(redis_server(directory)))
        running.callback(client.close)
        browser = running.enter_context(chromium())
        scene = Scene(client, directory, others=24)
        silence_of(scene)
        scene.judge_some()
        base = running.enter_context(served(scene.app))
        for name, (address, size, dark) in pictures_of(scene).items():
            with Visit(browser, base, size=size, dark=dark) as visit:
                _draw(visit.log_in(scene, AccessRole.RESPONDER, address), name)


def _draw(page: Page, name: str) -> None:
    page.wait_for_load_state("networkidle")
    if name == "policy":
        text = page.get_by_label("Policy to try")
        text.fill(text.input_value().replace("0.95", "0.7"))
        page.get_by_role("button", name="Try it").click()
        page.get_by_text("would have been treated otherwise").wait_for()
    (FIGURES / f"{name}.png").write_bytes(smaller(page.screenshot()))


def smaller(png: bytes) -> bytes:
    """The picture in 256 colours: flat pages need no more."""
    out = io.BytesIO()
    image = Image.open(io.BytesIO(png)).convert("RGB").quantize(256, dither=Image.Dither.NONE)
    image.save(out, "PNG", optimize=True)
    return out.getvalue()


if __name__ == "__main__":
    main()
