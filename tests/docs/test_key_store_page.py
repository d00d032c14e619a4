"""Every command of docs/key-store.md does what the page says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from keystore.refusal import Refusal
from monitor.cli import app
from monitor.config import load
from monitor.wiring import open_key_store
from tests.docs_session import commands, run

PAGE = Path(__file__).parents[2] / "docs" / "key-store.md"
FILE = re.compile(r"keywatch keys [a-z-]+ (\w+\.jsonl).*? # (\{.*)")
"""A command that reads a file, and what a line of it says."""


@pytest.fixture
def config(tmp_path: Path, redis_url: str) -> Path:
    path = tmp_path / "keywatch.yaml"
    path.write_text(
        f"redis: {{url: '{redis_url}'}}\n"
        f"keystore: {{pepper_file: '{tmp_path}/peppers', imported_secrets: true}}\n"
    )
    return path


@pytest.mark.redis
def test_the_page_s_commands_work_one_after_the_other(config: Path, tmp_path: Path) -> None:
    for name, line in FILE.findall(PAGE.read_text()):
        (tmp_path / name).write_text(line)
    ran = []
    for command in commands(PAGE):
        for placeholder, at in (("key_7HqYw2mB4cXe9ZtA", -1), ("key_of_leaked_txt", 0)):
            if placeholder in command:
                command = command.replace(placeholder, issued(config)[at])
        ran.append(run(command, tmp_path, config))
    for done in ran:
        promised = re.search(r"exit code (\d)(?:: (\w+))?", done.promised)
        assert done.exit_code == (int(promised[1]) if promised else 0), done
        assert promised is None or (promised[2] or "") in done.output, done
    assert len(ran) >= 15
    told = " ".join(done.output for done in ran)
    assert "well formed" in told
    assert "keys imported: 1" in told


def issued(config: Path) -> list[str]:
    """Newest first, those that keywatch made."""
    return [key.status.key_id for key in open_key_store(config).every_key() if not key.weak]


def test_the_page_explains_every_refusal_of_verify_and_its_settings() -> None:
    page = PAGE.read_text()
    by_middleware = {"missing_key", "several_keys", "key_in_url", "key_in_query"}
    assert [
        refusal for refusal in Refusal if refusal not in by_middleware and f"`{refusal}`" not in page
    ] == []
    for setting in ("pepper_file", "prefixes", "imported_secrets"):
        assert hasattr(load(None, {}).keystore, setting)
        assert setting in page


@pytest.mark.parametrize(
    "command", ["import", "rotate", "verify", "pepper add", "pepper use", "pepper status"]
)
def test_help_has_an_example(command: str) -> None:
    done = CliRunner().invoke(app, ["keys", *command.split(), "--help"])
    assert done.exit_code == 0
    assert "Example" in done.output
