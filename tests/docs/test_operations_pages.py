"""What the pages for operators say can be done, can be: their values render, their settings load."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import msgspec
import pytest
import yaml
from typer.testing import CliRunner

from alerting.policy import load_policy
from monitor.cli import app
from monitor.config import Config
from tests.chart.rendering import named, rendered, settings

DOCS: Final = Path("docs")
PAGES: Final = ("install.md", "roles.md", "observability.md", "upgrades.md")


def blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", (DOCS / page).read_text(), re.DOTALL)


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page: str) -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", (DOCS / page).read_text()):
        assert (DOCS / target).exists(), target


def test_the_values_of_the_tutorial_install(tmp_path: Path) -> None:
    first, then, people = (yaml.safe_load(block) for block in blocks("install.md", "yaml"))
    made = rendered(first)
    kinds = {manifest["kind"] for manifest in made}
    assert {"ServiceMonitor", "PrometheusRule", "StatefulSet"} <= kinds
    policy = named(rendered({**first, **then}), "ConfigMap", "rel-keywatch-policy")["data"]["policy.yaml"]
    (tmp_path / "policy.yaml").write_text(policy)
    assert load_policy(tmp_path / "policy.yaml").suspend == "on"
    made = rendered({**first, **then, **people})
    assert {"Deployment", "Ingress"} <= {manifest["kind"] for manifest in made}
    assert settings(made)["alert"]["console_url"] == "https://keywatch.example.com"


def test_the_settings_for_traces_are_settings() -> None:
    (block,) = blocks("observability.md", "yaml")
    assert msgspec.convert(yaml.safe_load(block), Config).traces.enabled


def commands() -> set[tuple[str, ...]]:
    text = " ".join((DOCS / page).read_text() for page in PAGES)
    text += " ".join(path.read_text() for path in (DOCS / "runbooks").glob("*.md"))
    groups = "cases|keys|config|migrate|console"
    found = re.findall(rf"keywatch (health|roundtrip|run|replay|(?:{groups}) \w+)\b", text)
    return {tuple(command.split()) for command in found}


@pytest.mark.parametrize("command", sorted(commands()))
def test_the_commands_exist(command: tuple[str, ...]) -> None:
    assert CliRunner().invoke(app, [*command, "--help"]).exit_code == 0
