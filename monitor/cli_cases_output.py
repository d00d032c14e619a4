"""What ``keywatch cases`` prints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from rich.console import Console
from rich.table import Table
from rich.text import Text

from alerting.notifiers.sparkline import day_lines, top_of
from domain.case import Case
from domain.picture import KeyPicture, Share
from domain.ports import Score
from monitor.cli_evidence import print_evidence
from monitor.cli_tables import literal


def cases_table(cases: Sequence[Case]) -> Table:
    """One row a case."""
    table = Table("case", "key", "state", "decision", "risk", "opened (UTC)", "incident", box=None)
    for case in cases:
        risk, opened = f"{case.risk:.2f}", utc(case.opened_ms)
        table.add_row(
            case.id, literal(case.key_id), case.state.value, _decision(case), risk, opened, case.incident_id
        )
    return table


def print_case(case: Case, console: Console) -> None:
    """The case as a person reads it: verdict, evidence, the key's day, timeline."""
    head = f"{case.state.value}  {_decision(case)}  risk {case.risk:.2f}  version {case.version}"
    console.print(f"[bold]{case.id}[/]  {head}")
    console.print(f"key {literal(case.key_id)}  tenant {literal(case.tenant or '-')}  {case.incident_id}")
    console.print(f"rule {literal(case.decision.rule)}: {literal(case.decision.why)}")
    if case.decision.held_back:
        console.print(f"held back: {literal(case.decision.held_back)}")
    print_evidence(case.findings, console)
    if case.picture:
        print_picture(case.picture, console)
    for note in case.timeline:
        console.print(f"{utc(note.ts_ms)}  {literal(note.who)}: {literal(note.what)}  {literal(note.why)}")
    for allowance in case.allowances:
        console.print(f"lets pass until {utc(allowance.until_ms)}: {literal(allowance.words())}")


def print_picture(picture: KeyPicture, console: Console) -> None:
    """The last 24 hours as they were and as usual, in one scale, and where the key is used from."""
    now, usual = day_lines(picture)
    console.print(Text(f"last 24 h  {now}  up to {top_of(picture):.0f} requests an hour"))
    console.print(Text(f"as usual   {usual}  {picture.remark}"))
    if picture.minutes:
        console.print(Text(f"requests in the newest minutes: {', '.join(map(str, picture.minutes))}"))
    usually = [_share(share) for share in (*picture.countries[:4], *picture.operators[:4])]
    console.print(Text(f"usually from: {', '.join(usually) or 'nowhere yet'}"))


def _share(share: Share) -> str:
    return f"{share.name} {share.share * 100:.0f} %"


def precision_table(scores: Mapping[str, Score]) -> Table:
    """One row a detector."""
    table = Table("detector", "right", "confirmed", "false positive", "reinstated", box=None)
    for name, score in sorted(scores.items()):
        right = "-" if score.precision is None else f"{score.precision * 100:.0f} %"
        table.add_row(name, right, str(score.confirmed), str(score.false_positive), str(score.reinstated))
    return table


def _decision(case: Case) -> str:
    if case.suspended:
        return "suspended"
    return f"{case.decision.action.value} (dry run)" if case.decision.dry_run else case.decision.action.value


def utc(ms: int) -> str:
    """Epoch milliseconds as text."""
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")
