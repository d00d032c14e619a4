"""docs/api.md: its calls are made by curl, in order, against the real server on a real Redis."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
import yaml

from console.access.person import AccessRole
from domain.ports import KeyState
from monitor.config import Config
from monitor.connect import connect_redis
from monitor.console_server import ConsoleServer
from monitor.wiring_clock import CLOCK
from tests.alerts import finding
from tests.console.house import House, different
from tests.servers import absent

PAGE = Path(__file__).parents[2] / "docs" / "api.md"
TEXT = PAGE.read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", TEXT, re.DOTALL)


@pytest.mark.parametrize("text", blocks("yaml"))
def test_its_settings_are_read(text: str) -> None:
    assert msgspec.convert(yaml.safe_load(text), Config).console.open


@pytest.fixture
def served(redis_url: str) -> Iterator[tuple[House, str]]:
    client = connect_redis(redis_url)
    house = House(client, different(cookie_secure=False))
    house.clock.set(CLOCK.now())
    house.office.find(finding())
    server = ConsoleServer("127.0.0.1", 0, house.app, ())
    server.start()
    yield house, f"http://127.0.0.1:{server.port}"
    server.stop()
    client.close()


@pytest.mark.redis
def test_its_calls_do_what_they_say(served: tuple[House, str], tmp_path: Path) -> None:
    if shutil.which("curl") is None:
        absent("curl is not installed (Debian: apt install curl)")
    house, url = served
    [case] = house.services.cases.list()
    calls = [block for block in blocks("sh") if "curl" in block]
    assert len(calls) == 4
    environ = {**os.environ, "KEYWATCH": url, "TOKEN": house.token[AccessRole.ADMIN], "CASE": case.id}
    for block in calls:
        done = subprocess.run(
            ["bash", "-eu", "-o", "pipefail", "-c", block],
            check=False,
            env=environ,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0, (block, done.stdout, done.stderr)
        assert done.stdout.startswith("{")
    assert house.services.keys.describe("key_victim").state is KeyState.ACTIVE
    [silence] = house.services.silences.page().silences
    assert (silence.key, silence.why) == ("ci_*", "load test")
    exported = (tmp_path / "audit.ndjson").read_text().splitlines()
    assert len(exported) == len(house.office.audited())
