"""The README's links, settings and commands hold."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import msgspec
import pytest
import yaml
from typer.testing import CliRunner

from domain.event import UsageEvent
from monitor.cli import app
from monitor.config import Config

README: Final = Path("README.md").read_text()
SHELL: Final = re.findall(r"```sh\n(.*?)```", README, re.DOTALL)


def block(language: str) -> str:
    (found,) = re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)
    return str(found)


def test_links_lead_somewhere() -> None:
    links = re.findall(r"\]\(([^)#:]+)\)", README)
    assert len(links) > 20
    assert [link for link in links if not Path(link).exists()] == []


def test_the_first_commands_are_the_demo_and_the_tests() -> None:
    first = SHELL[0].splitlines()
    assert [line.partition("#")[0].strip() for line in first[:2]] == ["make demo", "make test"]
    targets = Path("Makefile").read_text()
    assert all(re.search(rf"^{line.split()[1]}:", targets, re.MULTILINE) for line in first)


def test_its_settings_and_its_event_are_read() -> None:
    assert msgspec.convert(yaml.safe_load(block("yaml")), Config).metrics.port == 9464
    assert msgspec.json.decode(block("json"), type=UsageEvent).key_id == "key_7Hq"


@pytest.mark.parametrize("line", re.findall(r"^keywatch .*", "".join(SHELL), re.MULTILINE))
def test_commands_exist(line: str) -> None:
    words = line.partition("#")[0].split()[1:]
    command = words[:2] if words[0] in ("cases", "config") else words[:1]
    done = CliRunner().invoke(app, [*command, "--help"], env={"COLUMNS": "200"})
    assert done.exit_code == 0
    assert all(word in done.output for word in words if re.match(r"--?[a-z]", word))
