"""The report for a terminal."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from keystore.audit.controls import Status
from keystore.audit.figures import figures
from keystore.audit.report import AuditReport, ControlResult

STYLES: Final = {
    Status.OK: "green",
    Status.UNKNOWN: "dim",
    Status.ATTENTION: "yellow",
    Status.FAILED: "bold red",
}


def print_table(report: AuditReport, console: Console) -> None:
    """Figures, controls, and the keys that each control names."""
    for part in _parts(report):
        console.print(part)


def _parts(report: AuditReport) -> Iterator[RenderableType]:
    head = Table.grid(padding=(0, 2))
    for name, value in figures(report):
        head.add_row(Text(name, "bold"), Text(value))
    yield head
    yield Text()
    yield _controls(report)
    for result in report.controls:
        if result.keys:
            yield Text()
            yield _keys(result)


def _controls(report: AuditReport) -> Table:
    table = Table("control", "status", "keys", "of", "what it asks", "what to do", box=None, pad_edge=False)
    for result in report.controls:
        table.add_row(
            Text(result.control.value),
            Text(result.status.value, STYLES[result.status]),
            Text(f"{result.found:,}"),
            Text(f"{result.checked:,}"),
            Text(result.title),
            Text(result.advice if result.found else ""),
        )
    return table


def _keys(result: ControlResult) -> Table:
    shown = "" if len(result.keys) == result.found else f", the worst {len(result.keys)}"
    title = Text(f"{result.control.value}: {result.found:,}{shown}", "bold")
    table = Table(
        "key", "tenant", "owner", "why", box=None, pad_edge=False, title=title, title_justify="left"
    )
    for key in result.keys:
        # as literal text: a name with brackets in it is no markup
        table.add_row(Text(key.key_id, overflow="fold"), Text(key.tenant), Text(key.owner), Text(key.says))
    return table
