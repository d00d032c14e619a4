"""Runs the commands of a page as a reader would, in one process."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

from typer.testing import CliRunner

from monitor.cli import app

BLOCK = re.compile(r"```sh\n(.*?)```", re.DOTALL)


@dataclass
class Ran:
    """One line of the page, and what came of it."""

    command: str
    exit_code: int
    output: str
    promised: str
    """What the page says behind ``#``."""


def commands(page: Path) -> list[str]:
    """The ``keywatch`` lines of its shell blocks, in order."""
    lines = [line for block in BLOCK.findall(page.read_text()) for line in block.splitlines()]
    return [line for line in lines if line.startswith("keywatch ")]


def run(line: str, folder: Path, config: Path) -> Ran:
    """``<`` and ``>`` are files in ``folder``."""
    words = shlex.split(line, comments=True)[1:]
    stdin, stdout = "", None
    if "<" in words:
        at = words.index("<")
        stdin, words = (folder / words[at + 1]).read_text(), words[:at] + words[at + 2 :]
    if ">" in words:
        at = words.index(">")
        stdout, words = folder / words[at + 1], words[:at] + words[at + 2 :]
    words = [str(folder / word) if word.endswith(".jsonl") else word for word in words]
    done = CliRunner().invoke(app, [*words, "--config", str(config)], input=stdin)
    if stdout is not None:
        stdout.write_text(done.stdout)
    return Ran(line, done.exit_code, done.output, line.partition(" # ")[2])
