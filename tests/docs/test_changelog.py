"""The fragments make a changelog, and decisions are numbered one after the other."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
ISSUES: Final = {"#2", "#3", "#4", "#5", "#6"}


def test_every_fragment_is_an_entry_under_the_number_of_its_issue() -> None:
    command = [sys.executable, "-m", "towncrier", "build", "--draft", "--version", "0.1.0"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    entries = re.findall(r"^- .*?\((#[^()]*)\)$", done.stdout, re.MULTILINE | re.DOTALL)
    assert len(entries) == len(list((ROOT / "changelog.d").glob("*.md")))
    assert set(entries) <= ISSUES


def test_decisions_are_numbered_without_a_gap() -> None:
    decisions = sorted((ROOT / "docs" / "adr").glob("*.md"))
    assert [int(path.name[:4]) for path in decisions] == list(range(1, len(decisions) + 1))
    for number, path in enumerate(decisions, 1):
        assert path.read_text().startswith(f"# {number}. ")
