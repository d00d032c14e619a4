"""``keywatch cases``: review from a terminal."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer
from rich.console import Console

from domain.case import Case, CaseState, Verdict
from domain.ports import CasePage, CaseQuery
from monitor.cli_cases_output import cases_table, precision_table, print_case
from monitor.cli_errors import exit_codes
from monitor.cli_options import Config, Json, Who, Why, who

if TYPE_CHECKING:
    from monitor.wiring_alerting import Office

app = typer.Typer(
    name="cases",
    help="Look at suspensions and alerts, and give a verdict on them.",
    epilog="Example: keywatch cases reinstate case_1f0c22ab34cd56ef --reason 'customer moved office'",
    no_args_is_help=True,
)

CaseId = Annotated[str, typer.Argument(metavar="CASE_ID", help="As `keywatch cases list` shows it.")]
Version = Annotated[
    int, typer.Option("--version", help="The case as you saw it; refused when it has changed.", min=0)
]


def _office(config: Path | None) -> Office:
    from monitor.wiring_alerting import open_office

    return open_office(config)


@app.command("list", epilog="Example: keywatch cases list --state open --json")
def list_cases(
    state: Annotated[CaseState | None, typer.Option(help="Only cases in this state.")] = None,
    key: Annotated[str, typer.Option(help="Only cases of this key.")] = "",
    tenant: Annotated[str, typer.Option(help="Only cases of this tenant.")] = "",
    incident: Annotated[str, typer.Option(help="Only cases of this incident.")] = "",
    cursor: Annotated[str, typer.Option(help="Go on where the last page ended.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many.")] = 50,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Cases, newest first; those of an incident as they joined."""
    with exit_codes():
        office = _office(config)
        query = CaseQuery(state=state, key_id=key, tenant=tenant, cursor=cursor, limit=limit)
        page = _of_incident(office, incident, limit) if incident else office.cases.page(query)
    if as_json:
        typer.echo(json.dumps(msgspec.to_builtins(page.cases)))
    else:
        Console().print(cases_table(page.cases) if page.cases else "no cases")
    if page.cursor:
        typer.echo(f"There are more: --cursor {page.cursor}", err=True)


def _of_incident(office: Office, incident_id: str, limit: int) -> CasePage:
    office.incidents.get(incident_id)
    cases: Sequence[Case] = office.cases.many(office.incidents.members(incident_id, 0, limit))
    return CasePage(cases, "")


@app.command(epilog="Example: keywatch cases show case_1f0c22ab34cd56ef")
def show(case_id: CaseId, config: Config = None, as_json: Json = False) -> None:
    """One case with its evidence, its key's last 24 hours and its timeline."""
    with exit_codes():
        case = _office(config).cases.get(case_id)
    if as_json:
        typer.echo(json.dumps(msgspec.to_builtins(case)))
    else:
        print_case(case, Console())


@app.command(epilog="Example: keywatch cases reinstate case_1f0c22ab34cd56ef --reason 'new office' ")
def reinstate(
    case_id: CaseId,
    reason: Why,
    by: Who = "",
    false_positive: Annotated[
        bool, typer.Option("--false-positive", help="It was the customer: let the same pass for a while.")
    ] = False,
    version: Version = 0,
    config: Config = None,
) -> None:
    """Let the key work again, if keywatch suspended it, and close the case."""
    verdict = Verdict.FALSE_POSITIVE if false_positive else Verdict.REINSTATE
    _give(case_id, verdict, by, reason, config, version=version)


@app.command(epilog="Example: keywatch cases confirm case_1f0c22ab34cd56ef --reason 'owner says it leaked'")
def confirm(
    case_id: CaseId,
    reason: Why,
    by: Who = "",
    revoke: Annotated[bool, typer.Option("--revoke", help="End the key for good.")] = False,
    version: Version = 0,
    config: Config = None,
) -> None:
    """It was misuse: a suspended key stays suspended until a person lets it go."""
    _give(case_id, Verdict.CONFIRM, by, reason, config, revoke=revoke, version=version)


def _give(
    case_id: str,
    verdict: Verdict,
    by: str,
    reason: str,
    config: Path | None,
    *,
    version: int,
    revoke: bool = False,
) -> None:
    with exit_codes():
        review = _office(config).review
        case = review.give(case_id, verdict, who(by), reason, revoke=revoke, version=version)
    if case.proposal:
        typer.echo(f"{case.id}: {verdict.value} proposed; a second person must agree")
        return
    typer.echo(f"{case.id}: {case.state.value}; key {case.key_id}")
    for allowance in case.allowances:
        typer.echo(f"  lets pass: {allowance.words()}")


@app.command(epilog="Example: keywatch cases comment case_1f0c22ab34cd56ef --reason 'asked the owner'")
def comment(case_id: CaseId, reason: Why, by: Who = "", config: Config = None) -> None:
    """Add a line to the timeline; reminders stop."""
    with exit_codes():
        case = _office(config).review.comment(case_id, who(by), reason)
    typer.echo(f"{case.id}: noted")


@app.command("ask-rotation", epilog="Example: keywatch cases ask-rotation case_1f0c22ab34cd56ef --reason old")
def ask_rotation(case_id: CaseId, reason: Why, by: Who = "", config: Config = None) -> None:
    """Ask the key's owner to replace it; the case stays open."""
    with exit_codes():
        case = _office(config).review.ask_rotation(case_id, who(by), reason)
    typer.echo(f"{case.id}: the owner is asked to replace {case.key_id}")


@app.command("watch-again", epilog="Example: keywatch cases watch-again case_1f0c22ab34cd56ef --reason moved")
def watch_again(case_id: CaseId, reason: Why, by: Who = "", config: Config = None) -> None:
    """End what a false-positive verdict lets pass."""
    with exit_codes():
        case = _office(config).review.end_allowances(case_id, who(by), reason)
    typer.echo(f"{case.id}: its allowances are over")


@app.command(epilog="Example: keywatch cases precision --key key_7Hq")
def precision(
    key: Annotated[str, typer.Option(help="Only verdicts on this key.")] = "",
    config: Config = None,
    as_json: Json = False,
) -> None:
    """How often each detector was right, as people judged."""
    with exit_codes():
        scores = _office(config).cases.precision(key)
    if as_json:
        plain = {name: {**msgspec.to_builtins(s), "precision": s.precision} for name, s in scores.items()}
        typer.echo(json.dumps(plain))
    else:
        Console().print(precision_table(scores) if scores else "no verdicts yet")
