"""What the pages about alerting show is what keywatch reads: settings, policy, commands, the Slack app."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml
from typer.testing import CliRunner

from alerting.policy import Policy, load_policy
from domain.case import CaseState, Verdict
from monitor.cli import app
from monitor.config import Config
from tests.office import replica

DOCS = Path(__file__).parents[2] / "docs"
PAGES = ("alerting.md", "slack.md", "cases.md", "audit-log.md")
POLICY_PARTS = {"group", "remind", "review", "inhibit"}


def blocks(page: str, language: str) -> list[str]:
    """The code blocks of a page."""
    return re.findall(rf"```{language}\n(.*?)```", (DOCS / page).read_text(), re.DOTALL)


def settings() -> list[Any]:
    """Every YAML block that is not Slack's own manifest, with the page it is on."""
    trees = [(page, yaml.safe_load(text)) for page in PAGES for text in blocks(page, "yaml")]
    return [
        pytest.param(tree, id=f"{page}-{n}") for n, (page, tree) in enumerate(trees) if "features" not in tree
    ]


@pytest.mark.parametrize("tree", settings())
def test_settings_on_the_pages_are_read(tree: dict[str, Any]) -> None:
    if set(tree) <= POLICY_PARTS:
        msgspec.convert({"version": 1, "rules": [], **tree}, Policy)
    else:
        hidden = yaml.safe_load(yaml.safe_dump(tree).replace("'...'", "x"))
        msgspec.convert(hidden, Config)


def commands() -> list[str]:
    lines = [line for page in PAGES for text in blocks(page, "sh") for line in text.splitlines()]
    return sorted({" ".join(line.split()[1:3]) for line in lines if line.startswith("keywatch ")})


@pytest.mark.parametrize("command", commands())
def test_commands_on_the_pages_exist(command: str) -> None:
    done = CliRunner().invoke(app, [*command.split(), "--help"])
    assert done.exit_code == 0


def test_options_on_the_pages_exist() -> None:
    for page in PAGES:
        for text in blocks(page, "sh"):
            for line in text.splitlines():
                words = line.partition("#")[0].split()
                help_text = CliRunner().invoke(app, [*words[1:3], "--help"], env={"COLUMNS": "200"}).output
                assert all(word in help_text for word in words if word.startswith("--")), line


def test_every_stage_and_state_is_on_its_page() -> None:
    text = (DOCS / "alerting.md").read_text()
    for stage in replica().pipeline._stages:
        assert f"| {stage.name} |" in text
    cases = (DOCS / "cases.md").read_text()
    assert all(state.value in cases for state in CaseState)
    assert all(verdict.value.replace("_", "-") in cases for verdict in Verdict)


def test_the_shipped_policy_shows_the_defaults() -> None:
    shipped, plain = load_policy(None), Policy(version=1, rules=[])
    for part in ("group", "remind", "review"):
        assert getattr(shipped, part) == getattr(plain, part)


def test_the_manifest_has_the_scopes_of_every_call_we_make() -> None:
    (manifest,) = [yaml.safe_load(text) for text in blocks("slack.md", "yaml") if "features" in text]
    scopes = set(manifest["oauth_config"]["scopes"]["bot"])
    assert {"chat:write", "commands", "files:write", "channels:history", "usergroups:read"} <= scopes
