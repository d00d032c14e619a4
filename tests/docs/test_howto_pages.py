"""What the how-to pages show loads: settings, policies, shippers' files; commands and options exist."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest
import yaml
from typer.testing import CliRunner

from alerting.policy import Policy, load_policy
from monitor.cli import app
from monitor.config import Config
from monitor.decode import decoder_for
from monitor.decode.base import Limits

DOCS: Final = Path("docs")
PAGES: Final = ("gateways.md", "tuning.md", "first-weeks.md", "tutorial.md")
POLICY_PARTS: Final = set(Policy.__struct_fields__)


def blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", (DOCS / page).read_text(), re.DOTALL)


def trees(page: str) -> list[dict[str, Any]]:
    return [yaml.safe_load(text) for text in blocks(page, "yaml")]


def test_settings_of_gateways_are_read() -> None:
    found = [msgspec.convert(tree, Config).kafka for tree in trees("gateways.md") if "kafka" in tree]
    for kafka in found:
        decoder_for(kafka.format, Limits(), kafka.key_field)
    assert {"kong", "envoy", "nginx", "aws-apigw", "cloudtrail", "ocsf"} <= {kafka.format for kafka in found}


def test_shippers_set_the_record_s_key() -> None:
    sinks = [tree["sinks"]["usage"] for tree in trees("gateways.md") if "sinks" in tree]
    assert {sink["key_field"] for sink in sinks} == {"key_id", "authenticated_entity.id", "apiKeyId"}


@pytest.mark.parametrize("page", ["tuning.md", "first-weeks.md"])
def test_policies_are_policies(page: str, tmp_path: Path) -> None:
    found = trees(page)
    assert found
    for tree in found:
        assert set(tree) <= POLICY_PARTS
        file = tmp_path / "policy.yaml"
        file.write_text(yaml.safe_dump({"version": 1, "rules": [], **tree}))
        load_policy(file)


def lines() -> list[str]:
    """Commands in blocks and in code spans."""
    text = "\n".join((DOCS / page).read_text() for page in PAGES)
    shown = [line for block in re.findall(r"```sh\n(.*?)```", text, re.DOTALL) for line in block.splitlines()]
    shown += re.findall(r"`(keywatch [^`]+)`", text.replace("\n", " "))
    return sorted({line.partition("#")[0].strip() for line in shown if line.startswith("keywatch ")})


@pytest.mark.parametrize("line", lines())
def test_commands_and_options_exist(line: str) -> None:
    words = line.split()[1:]
    command = words[:2] if words[0] in ("cases", "silences", "keys", "audit", "config") else words[:1]
    done = CliRunner().invoke(app, [*command, "--help"], env={"COLUMNS": "200"})
    assert done.exit_code == 0, done.output
    assert all(word in done.output for word in words if re.match(r"--?[a-z]", word)), line
