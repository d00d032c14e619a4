"""docs/reference/commands.md: every command with its arguments and options, from the commands themselves."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

import typer

from monitor.cli import app
from monitor.cli_errors import EXIT_CONFIG, EXIT_REFUSED, EXIT_UNREACHABLE, EXIT_USAGE

INTRO: Final = f"""# Commands

`keywatch COMMAND --help` says the same. Options that most commands share: `--config`, `-c` names the
settings file (default `keywatch.yaml`), `--json` prints one document for programs, `--reason` is kept in
the audit log, and `--by` says who acts where the login name does not.

| exit code | meaning |
|---|---|
| 0 | done |
| {EXIT_REFUSED} | refused, or the answer is no |
| {EXIT_USAGE} | wrong usage |
| {EXIT_UNREACHABLE} | something does not answer: try again |
| {EXIT_CONFIG} | the configuration is wrong, or data is corrupt: the message says what to change |

This page is made from the code by `python -m monitor.reference`.
"""
_MARKS: Final = re.compile(r"[*|<]|(?<!\w)_")
"""What Markdown would read as more than text."""
Command = Any
"""A click command; typer brings a click of its own, whose types are private."""


def page() -> str:
    """The whole page."""
    return INTRO + "".join(_section(words, command) for words, command in every_command())


def every_command() -> Iterator[tuple[str, Command]]:
    """``keywatch keys rotate`` and its command, for each that can be run."""
    yield from _leaves("keywatch", typer.main.get_command(app))


def _leaves(words: str, command: Command) -> Iterator[tuple[str, Command]]:
    inner = getattr(command, "commands", None)
    if inner is None:
        yield words, command
        return
    for name in sorted(inner):
        yield from _leaves(f"{words} {name}", inner[name])


def _section(words: str, command: Command) -> str:
    usage = " ".join([words, *(_metavar(p) for p in command.params if _is_argument(p))])
    lines = ["", f"## {words}", "", f"`{usage}`", "", _sentence(command.help), ""]
    shown = [_row(p) for p in command.params if not p.hidden]
    if shown:
        lines += ["| argument or option | default | meaning |", "|---|---|---|", *shown, ""]
    if command.epilog:
        lines += [_sentence(command.epilog), ""]
    return "\n".join(lines)


def _row(param: Any) -> str:
    names = _metavar(param) if _is_argument(param) else ", ".join([*param.opts, *param.secondary_opts])
    default = "**required**" if param.required else _default(param.default)
    return f"| `{names}` | {default} | {_sentence(param.help)} |"


def _default(value: Any) -> str:
    value = getattr(value, "value", value)
    return "" if not value or callable(value) else f"`{value}`"


def _is_argument(param: Any) -> bool:
    return param.param_type_name == "argument"


def _metavar(param: Any) -> str:
    return str(param.metavar or param.name.upper())


def _sentence(text: str | None) -> str:
    return _MARKS.sub(r"\\\g<0>", " ".join((text or "").split()))
