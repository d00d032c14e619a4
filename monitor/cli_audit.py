"""``keywatch keys audit``: every key held to every control.

Exit codes: 0 done, 2 wrong usage, 3 the store does not answer, 4 configuration, 5 a control that
``--fail-on`` names found keys or could not be checked.
"""

from __future__ import annotations

import importlib
import json
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import msgspec
import typer
from rich.console import Console

from domain.errors import Fatal, Reason
from keystore.audit.controls import Control, Status
from keystore.audit.figures import at
from keystore.audit.report import AuditReport
from keystore.audit.table import print_table
from monitor.cli_errors import exit_codes
from monitor.cli_options import Config
from monitor.cli_progress import counting

if TYPE_CHECKING:
    from monitor.key_audit import KeyAuditor

EXIT_NAMED: Final = 5
ANY: Final = "any"
MOST_NAMED: Final = 100_000
WIDTH: Final = 160
"""Columns of a table that goes to a file."""


EPILOG: Final = (
    "Examples: keywatch keys audit · keywatch keys audit --format html --out keys.html · "
    "keywatch keys audit --fail-on wildcard_scope --fail-on leaked. "
    f"Controls: {', '.join(Control)}. "
    f"Exit code {EXIT_NAMED}: a control of --fail-on found keys, or could not be checked."
)


class Form(StrEnum):
    """How the report is written."""

    TABLE = "table"
    JSON = "json"
    HTML = "html"


def _controls(names: list[str]) -> list[str]:
    known = [ANY, *Control]
    for name in names:
        if name not in known:
            raise typer.BadParameter(f"{name!r} is no control; there are {', '.join(known)}")
    return names


def audit(
    form: Annotated[Form, typer.Option("--format", "-f", help="How to write the report.")] = Form.TABLE,
    out: Annotated[Path | None, typer.Option(help="Write it to this file.")] = None,
    fail_on: Annotated[
        list[str],
        typer.Option(
            metavar="CONTROL",
            callback=_controls,
            help="Exit 5 unless it is ok; may be given again; or `any`.",
        ),
    ] = [],  # noqa: B006 - typer copies it
    limit: Annotated[
        int | None, typer.Option(min=0, max=MOST_NAMED, help="Keys a control names, the worst first.")
    ] = None,
    config: Config = None,
) -> None:
    """Hold every key to the controls: age, use, scopes, networks, expiry, reviews, leaks."""
    with exit_codes():
        report = _made(open_auditor(config), limit)
        if out is None:
            typer.echo(written(report, form, Console().width, color=sys.stdout.isatty()), nl=False)
        else:
            _save(out, written(report, form, WIDTH, color=False))
    named = failing(report, fail_on)
    if named:
        typer.echo(f"keywatch: not ok: {', '.join(named)}", err=True)
        raise typer.Exit(EXIT_NAMED)


def open_auditor(config: Path | None) -> KeyAuditor:
    """The configured auditor. Imported at the call, as ``--help`` should not wait for the whole daemon."""
    auditor: KeyAuditor = importlib.import_module("monitor.wiring_audit").open_auditor(config)
    return auditor


def written(report: AuditReport, form: Form, width: int, *, color: bool) -> str:
    """The report as text that ends with a line break."""
    if form is Form.JSON:
        return json.dumps({"at": at(report)} | msgspec.to_builtins(report), indent=2) + "\n"
    if form is Form.HTML:
        from keystore.audit.page import html_page

        return html_page(report) + "\n"
    console = Console(width=width, force_terminal=color, color_system="auto" if color else None)
    with console.capture() as captured:
        print_table(report, console)
    return captured.get()


def failing(report: AuditReport, names: list[str]) -> list[str]:
    """The controls among ``names`` that are not ok; with ``any`` among them, all that are not."""
    wanted = list(Control) if ANY in names else [Control(name) for name in names]
    return [c.value for c in wanted if report.result(c).status is not Status.OK]


def _made(auditor: KeyAuditor, limit: int | None) -> AuditReport:
    with counting("auditing keys", auditor.keys()) as count:
        return auditor.run(limit, count)


def _save(out: Path, text: str) -> None:
    """All of it or nothing: a report that is cut off looks like one that is done."""
    half = out.with_name(f".{out.name}.part")
    try:
        half.write_text(text, "utf-8")
        half.replace(out)
    except OSError as error:
        raise Fatal(Reason.CONFIG, f"--out: cannot write {out}: {error.strerror}") from error
