"""Logs: one object a line, in JSON or plain, and no event name that is not in the list."""

from __future__ import annotations

import ast
import io
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from domain.clock import ManualClock
from monitor.log_events import EVENTS, PAGE, page
from monitor.logs import Log

LEVELS = ("info", "warning", "error")


def written(**how: bool) -> tuple[Log, io.StringIO]:
    stream = io.StringIO()
    return Log(ManualClock(1_780_000_000.1234), "info", stream, **how), stream


def test_a_line_is_one_json_object() -> None:
    log, stream = written()
    log.warning("waiting", reason="timeout", error='Redis "a"\nb')
    assert json.loads(stream.getvalue()) == {
        "ts": 1_780_000_000.123,
        "level": "warning",
        "event": "waiting",
        "reason": "timeout",
        "error": 'Redis "a"\nb',
    }
    assert stream.getvalue().count("\n") == 1


def test_plain_text_cannot_be_forged_by_a_value() -> None:
    log, stream = written(as_json=False)
    log.error("waiting", error="a\n1 INFO started b=1", partition=3)
    assert stream.getvalue() == ('1780000000.123 ERROR waiting error="a\\n1 INFO started b=1" partition=3\n')


def test_what_is_below_the_level_is_left_out() -> None:
    stream = io.StringIO()
    log = Log(ManualClock(), "error", stream)
    log.info("started")
    log.warning("waiting")
    assert stream.getvalue() == ""


def used() -> Iterator[tuple[str, str]]:
    """Every event name in a call of a log, with its place."""
    for folder in ("monitor", "alerting", "console", "keystore"):
        for path in sorted(Path(folder).rglob("*.py")):
            for call in ast.walk(ast.parse(path.read_text())):
                if _logs(call):
                    name = call.args[0]  # type: ignore[attr-defined]
                    assert isinstance(name, ast.Constant), f"{path}:{name.lineno} has no constant name"
                    yield str(name.value), f"{path}:{name.lineno}"


def _logs(node: ast.AST) -> bool:
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args):
        return False
    owner = ast.unparse(node.func.value)
    return node.func.attr in LEVELS and (owner in ("log", "_log") or owner.endswith((".log", "._log")))


def test_every_event_name_used_is_in_the_list() -> None:
    unlisted = [f"{name} at {place}" for name, place in used() if name not in EVENTS]
    assert not unlisted, f"add to monitor/log_events.py: {unlisted}"


def test_every_listed_name_is_used() -> None:
    assert set(EVENTS) <= {name for name, _ in used()}


def test_the_page_is_made_from_the_list() -> None:
    assert PAGE.read_text() == page(), "run: python -m monitor.log_events"


@pytest.mark.parametrize("meaning", EVENTS.values())
def test_meanings_are_sentences(meaning: str) -> None:
    assert meaning.endswith(".")
