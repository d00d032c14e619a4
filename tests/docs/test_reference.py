"""Everything a reader may look up is on its page: settings, policy, commands, detectors, errors."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import msgspec
import pytest

from detectors.catalog import DETECTORS
from domain.errors import Reason
from monitor.reference import detector_words, error_words, policy, setting_words, settings
from monitor.reference.commands import every_command
from monitor.reference.fields import Words, meaning_of, own_fields
from monitor.reference.pages import FOLDER, PAGES

RAISED: Final = re.compile(r"\b(Rejected|Transient|Refused|Fatal)\(\s*Reason\.([A-Z_]+)")
CODE: Final = ("alerting", "console", "domain", "keystore", "monitor")


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_as_the_code_makes_it(name: str) -> None:
    assert (FOLDER / name).read_text() == PAGES[name](), "run: python -m monitor.reference"


def test_every_page_of_the_folder_is_made_by_code() -> None:
    assert {path.name for path in FOLDER.glob("*.md")} == {*PAGES, "metrics.md", "logs.md"}


def undescribed(structs: Iterable[type[msgspec.Struct]], words: Words) -> list[str]:
    """``Struct.field`` of what nobody described."""
    return [
        f"{struct.__name__}.{field.name}"
        for struct in structs
        for field in own_fields(struct)
        if not meaning_of(struct, field.name, words)
    ]


def left_over(words: Words) -> list[str]:
    """Words about fields that are gone."""
    return [
        f"{struct.__name__}.{name}"
        for struct, said in words.items()
        for name in said
        if name not in getattr(struct, "__struct_fields__", ())
    ]


def test_every_setting_is_described() -> None:
    assert undescribed(settings.described(), setting_words.WORDS) == [], (
        "add it to monitor/reference/setting_words*.py"
    )
    assert left_over(setting_words.WORDS) == []


def test_every_section_is_described() -> None:
    titles = re.findall(r"^##+ (.+)$", settings.page(), re.MULTILINE)
    assert sorted(titles) == sorted(setting_words.SECTIONS)


def test_every_part_of_the_policy_is_described() -> None:
    assert undescribed(policy.STRUCTS, policy.WORDS) == [], "add it to monitor/reference/policy.py"
    assert left_over(policy.WORDS) == []


def test_every_command_and_option_says_what_it_does_and_has_an_example() -> None:
    commands = dict(every_command())
    assert {"keywatch run", "keywatch cases reinstate", "keywatch keys pepper add"} <= set(commands)
    silent = [words for words, command in commands.items() if not command.help]
    silent += [words for words, command in commands.items() if "keywatch" not in (command.epilog or "")]
    silent += [
        f"{words} {option.name}"
        for words, command in commands.items()
        for option in command.params
        if not option.help and not option.hidden
    ]
    assert silent == []


def test_every_detector_says_when_it_is_ready_and_what_is_honest() -> None:
    assert set(detector_words.WORDS) == set(DETECTORS), "add it to monitor/reference/detector_words.py"
    page = (FOLDER / "detectors.md").read_text()
    code = re.findall(r"\*\*Code\*\*: `(.+)`", page)
    assert len(code) == len(DETECTORS)
    assert all(Path(path).exists() for path in code)


def test_every_reason_is_explained_with_the_classes_it_is_raised_with() -> None:
    assert set(error_words.WORDS) == set(Reason), "add it to monitor/reference/error_words.py"
    sources = [path.read_text() for folder in CODE for path in Path(folder).rglob("*.py")]
    raised = {(cls, Reason[name]) for text in sources for cls, name in RAISED.findall(text)}
    assert len(raised) > 20
    assert [(c, reason) for c, reason in raised if c not in error_words.WORDS[reason].classes] == []
