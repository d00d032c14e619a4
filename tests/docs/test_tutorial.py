"""The tutorial is done as a reader does it: its commands, its files, and what it shows of the output."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

import pytest

from tests.docs_session import run

ROOT: Final = Path(__file__).parents[2]
PAGE: Final = (ROOT / "docs" / "tutorial.md").read_text()
BLOCK: Final = re.compile(r"```(sh|text|yaml)\n(.*?)```", re.DOTALL)
FIRST: Final = PAGE.index("## 3.")
OWN: Final = PAGE.index("## 5.")
DEADLINE_S: Final = 240


class Demo(NamedTuple):
    """A demo that waits for Enter."""

    output: str
    folder: Path


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    told = tmp_path_factory.mktemp("demo") / "output"
    command = [sys.executable, "-c", "from monitor.cli import main; main()", "demo", "--keep"]
    with (
        told.open("w") as out,
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=out, cwd=ROOT) as running,
    ):
        try:
            output = until(told, "press Enter", running)
            named = re.search(r"-c (\S+)/keywatch\.yaml", output)
            assert named, output
            yield Demo(output, Path(named[1]))
        finally:
            running.communicate(b"\n", timeout=DEADLINE_S)
    assert running.returncode == 0
    assert not Path(named[1]).exists()


def until(file: Path, text: str, running: subprocess.Popen[bytes]) -> str:
    """What a process has written once ``text`` is there."""
    end = time.monotonic() + DEADLINE_S
    while text not in file.read_text() and running.poll() is None and time.monotonic() < end:
        time.sleep(0.1)
    assert text in file.read_text()
    return file.read_text()


def squeezed(text: str) -> str:
    return " ".join(text.split())


def shows(output: str, block: str) -> None:
    """Every line of a block of the page is in the output, in order; ``...`` is anything."""
    at, plain = 0, squeezed(output)
    for line in block.splitlines():
        wanted = re.compile(r"\S*?".join(re.escape(part) for part in squeezed(line).split("...")))
        found = wanted.search(plain, at)
        assert found, f"not shown (any more, or in this order): {line!r} in {output}"
        at = found.end()


def follow(part: str, config: Path) -> int:
    """Run a part of the page where we are; answers how many commands of keywatch it had."""
    output, ran = "", 0
    for language, text in BLOCK.findall(part):
        if language == "text":
            shows(output, text)
        elif language == "yaml":
            Path(text.split("\n", 1)[0].removeprefix("# ")).write_text(text)
        else:
            done = [in_shell_or_keywatch(line, config) for line in text.splitlines()]
            output, ran = "".join(done), ran + sum(line.startswith("keywatch") for line in text.splitlines())
    return ran


def in_shell_or_keywatch(line: str, config: Path) -> str:
    if not line.startswith("keywatch "):
        return subprocess.run(line, shell=True, check=True, capture_output=True, text=True).stdout
    done = run(line, Path.cwd(), config)
    assert done.exit_code == 0, done
    return done.output


@pytest.mark.embedded
def test_the_demo_is_reviewed_as_the_page_says(demo: Demo, monkeypatch: pytest.MonkeyPatch) -> None:
    before, *_ = [text for language, text in BLOCK.findall(PAGE) if language == "text"]
    shows(demo.output, before)
    monkeypatch.chdir(demo.folder)
    monkeypatch.setenv("COLUMNS", "160")
    listing = PAGE[PAGE.index("keywatch cases list\n```") : FIRST]
    assert follow("```sh\n" + listing, demo.folder / "keywatch.yaml") == 1
    assert follow(PAGE[FIRST:OWN], demo.folder / "keywatch.yaml") == 6


def test_a_policy_of_ones_own_is_tried_as_the_page_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sample_streams").symlink_to(ROOT / "sample_streams")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "160")
    make, _, rest = PAGE[OWN:].partition("cd try\n")
    assert follow(make + "```", tmp_path / "keywatch.yaml") == 0
    monkeypatch.chdir(tmp_path / "try")
    assert follow("```sh\n" + rest, tmp_path / "try" / "keywatch.yaml") == 2
