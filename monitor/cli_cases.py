"""``keywatch cases``: review from a terminal."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from domain.case import Case, CaseState, Verdict
from monitor.cli_errors import exit_codes
from monitor.cli_options import Config, Json, Who, Why, utc, who

app = typer.Typer(
    name="cases",
    help="Look at suspensions and alerts, and give a verdict on them.",
    epilog="Example: keywatch cases reinstate case_1f0c22ab34cd56ef --reason 'customer moved office'",
    no_args_is_help=True,
)

CaseId = Annotated[str, typer.Argument(metavar="CASE_ID", help="As `keywatch cases list` shows it.")]


def _open(config: Path | None) -> Any:
    from monitor.wiring import open_cases

    return open_cases(config)


@app.command("list", epilog="Example: keywatch cases list --state open --json")
def list_cases(
    state: Annotated[CaseState | None, typer.Option(help="Only cases in this state.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000)] = 50,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Cases, newest first."""
    with exit_codes():
        cases, _ = _open(config)
        found = cases.list(state, limit)
    if as_json:
        typer.echo(json.dumps(msgspec.to_builtins(found)))
        return
    table = Table("case", "key", "state", "decision", "risk", "opened (UTC)", box=None)
    for case in found:
        opened = utc(case.opened_ms)
        risk = f"{case.risk:.2f}"
        table.add_row(case.id, escape(case.key_id), case.state.value, _decision(case), risk, opened)
    Console().print(table if found else "no cases")


@app.command(epilog="Example: keywatch cases show case_1f0c22ab34cd56ef")
def show(case_id: CaseId, config: Config = None, as_json: Json = False) -> None:
    """One case with its evidence and timeline."""
    with exit_codes():
        case = _open(config)[0].get(case_id)
    if as_json:
        typer.echo(json.dumps(msgspec.to_builtins(case)))
    else:
        print_case(case, Console())


@app.command(epilog="Example: keywatch cases reinstate case_1f0c22ab34cd56ef --reason 'new office' ")
def reinstate(
    case_id: CaseId,
    reason: Why,
    by: Who = "",
    false_positive: Annotated[bool, typer.Option("--false-positive", help="It was the customer.")] = False,
    config: Config = None,
) -> None:
    """Let the key work again, if keywatch suspended it, and close the case."""
    _give(case_id, Verdict.FALSE_POSITIVE if false_positive else Verdict.REINSTATE, by, reason, config)


@app.command(epilog="Example: keywatch cases confirm case_1f0c22ab34cd56ef --reason 'owner says it leaked'")
def confirm(case_id: CaseId, reason: Why, by: Who = "", config: Config = None) -> None:
    """It was misuse: the key stays suspended until its owner has another."""
    _give(case_id, Verdict.CONFIRM, by, reason, config)


def _give(case_id: str, verdict: Verdict, by: str, reason: str, config: Path | None) -> None:
    with exit_codes():
        case = _open(config)[1].give(case_id, verdict, who(by), reason)
    typer.echo(f"{case.id}: {case.state.value}; key {case.key_id}")


def print_case(case: Case, console: Console) -> None:
    """The case as a person reads it: verdict, evidence, timeline."""
    console.print(f"[bold]{case.id}[/]  {case.state.value}  {_decision(case)}  risk {case.risk:.2f}")
    console.print(f"key {escape(case.key_id)}  tenant {escape(case.tenant or '-')}")
    console.print(f"rule {escape(case.decision.rule)}: {escape(case.decision.why)}")
    if case.decision.held_back:
        console.print(f"held back: {escape(case.decision.held_back)}")
    table = Table("when (UTC)", "detector", "what", "expected", "actual", "bits", "from", box=None)
    for finding in case.findings:
        for number, e in enumerate(finding.evidence):
            head = (utc(finding.ts_ms), finding.detector) if not number else ("", "")
            origin = f"{finding.country} {finding.network}" if not number else ""
            table.add_row(
                *head, escape(e.what), escape(e.expected), escape(e.actual), f"{e.bits:.1f}", origin
            )
    console.print(table)
    for note in case.timeline:
        console.print(f"{utc(note.ts_ms)}  {escape(note.who)}: {escape(note.what)}  {escape(note.why)}")


def _decision(case: Case) -> str:
    if case.suspended:
        return "suspended"
    return f"{case.decision.action.value} (dry run)" if case.decision.dry_run else case.decision.action.value
