"""How commands print: tables of literal text, times in UTC, one JSON document."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
import typer
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from alerting.notifiers.text import shown


def table(*columns: str) -> Table:
    """An empty one; long values fold."""
    empty = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        empty.add_column(column, overflow="fold")
    return empty


def cells(*values: str) -> list[Text]:
    """As literal text: a name with brackets in it is no markup, and one with escapes moves no cursor."""
    return [Text(shown(value)) for value in values]


def literal(text: str) -> str:
    r"""Text that others choose (paths, clients, reasons), for where markup is read.

    >>> print(literal("[red]\x1b[2J"))
    \[red]\x1b[2J
    """
    return escape(shown(text))


def utc_text(moment_ms: int | None) -> str:
    """RFC 3339 in UTC, "" for never."""
    if moment_ms is None:
        return ""
    return datetime.fromtimestamp(moment_ms / 1000, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def print_json(value: object) -> None:
    """On standard output, in one line."""
    typer.echo(msgspec.json.encode(value).decode())
