"""``keywatch replay``: recorded requests through detection, and two policies beside each other."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from domain.errors import Fatal, Reason
from monitor.cli_errors import exit_codes
from monitor.cli_options import Begin, Config, End, Files, Format, Geoip, Kafka, utc
from monitor.cli_tables import literal

if TYPE_CHECKING:
    from alerting.policy import Policy
    from monitor.backtest import Comparison, PolicyOutcome
    from monitor.recording import Recording
    from monitor.replay import Outcome, Replay


def replay(
    files: Files = None,
    kafka: Kafka = False,
    begin: Begin = "",
    end: End = "",
    policy: Annotated[Path | None, typer.Option(help="Decide by this policy, not the configured.")] = None,
    against: Annotated[Path | None, typer.Option(help="Compare with what this policy would do.")] = None,
    suspend_on: Annotated[
        bool, typer.Option("--suspend-on", help="As if the policies said `suspend: on`.")
    ] = False,
    warm_up: Annotated[
        str, typer.Option(help="With --kafka: only this much before --from teaches, e.g. 14d; default: all.")
    ] = "",
    wire_format: Format = "",
    config: Config = None,
    geoip: Geoip = None,
    rejects: Annotated[Path | None, typer.Option(help="Write rejected records to this file.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Findings a line each, or the comparison.")] = False,
    html: Annotated[Path | None, typer.Option(help="Write the comparison to this HTML file.")] = None,
) -> None:
    """Run recorded requests through the same pipeline and show what it finds. Suspends nothing.

    With --against: which alerts and suspensions each of two policies gives, and the difference.
    """
    from monitor.period import period
    from monitor.recording import recording, warmed, with_databases
    from monitor.wiring import CLOCK, read_config

    with exit_codes():
        if html and not against:
            raise Fatal(Reason.CONFIG, "--html writes a comparison: name the other policy with --against")
        settings = with_databases(read_config(config), geoip)
        asked = period(begin, end, CLOCK.now())
        found = warmed(recording(files or [], kafka, wire_format, settings, asked), warm_up)
        found = replace(found, rejects=rejects)
        chosen = policy or (Path(settings.alert.policy) if settings.alert.policy else None)
        if against is None:
            _find(found, _loaded(chosen, suspend_on), as_json)
        else:
            _show(_compared(found, chosen, against, suspend_on), as_json, html)


def _loaded(path: Path | None, suspend_on: bool) -> Policy:
    from alerting.policy import load_policy

    found = load_policy(path)
    return msgspec.structs.replace(found, suspend="on") if suspend_on else found


def _run(player: Replay, label: str) -> Iterator[list[Outcome]]:
    """Outcomes as they come, under a progress bar where there is a terminal."""
    progress = Progress(console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty())
    with progress:
        bar = progress.add_task(label, total=player.source.progress()[1])
        for found in player.run():
            progress.update(bar, completed=player.source.progress()[0])
            yield found


# -- findings ----------------------------------------------------------------------------------------


def _find(found: Recording, policy: Policy, as_json: bool) -> None:
    player = found.replay(policy)
    outcomes: list[Outcome] = []
    for few in _run(player, "replaying"):
        outcomes += few
        if as_json:
            for outcome in few:
                typer.echo(json.dumps(msgspec.to_builtins(outcome)))
    if not as_json:
        Console().print(_table(outcomes) if outcomes else "no findings")
    rejected = ", ".join(f"{n} {reason}" for reason, n in sorted(player.stats.rejected.items())) or "none"
    typer.echo(
        f"{player.stats.events} events of {player.keys} keys, {len(outcomes)} findings, rejected: {rejected}",
        err=True,
    )


def _table(outcomes: list[Outcome]) -> Table:
    table = Table(
        "time (UTC)", "key", "detector", "what", "expected", "actual", "bits", "risk", "decision", box=None
    )
    for outcome in outcomes:
        finding, decision = outcome.finding, outcome.decision
        first = finding.evidence[0] if finding.evidence else None
        table.add_row(
            utc(finding.ts_ms),
            literal(finding.key_id),
            finding.detector,
            literal(first.what) if first else "",
            literal(first.expected) if first else "",
            literal(first.actual) if first else "",
            f"{finding.bits:.1f}",
            f"{finding.risk:.2f}",
            decision.action.value,
        )
    return table


# -- two policies ------------------------------------------------------------------------------------


def _compared(found: Recording, new: Path | None, old: Path, suspend_on: bool) -> Comparison:
    """Each policy has a run of its own, as its alert budget also decides what is found."""
    from monitor.backtest import compare
    from monitor.period import BEGINNING, END

    old_name, new_name = _names(new, old)
    before = _outcome(found, _loaded(old, suspend_on), old_name)
    after = _outcome(replace(found, rejects=None), _loaded(new, suspend_on), new_name)
    begin, end = found.period.from_ms, found.period.to_ms
    return compare(before, after, begin if begin > BEGINNING else None, end if end < END else None)


def _names(new: Path | None, old: Path) -> tuple[str, str]:
    """Of the old and the new: file names, or whole paths where those are the same."""
    if new is None:
        return old.name, "the shipped policy"
    return (old.name, new.name) if old.name != new.name else (str(old), str(new))


def _outcome(found: Recording, policy: Policy, name: str) -> PolicyOutcome:
    from monitor.backtest import simulate

    player = found.replay(policy)
    findings = [outcome.finding for few in _run(player, name) for outcome in few]
    return simulate(policy, name, findings, player.first_seen(), player.stats.events)


def _show(compared: Comparison, as_json: bool, html: Path | None) -> None:
    from monitor.backtest_report import html_page, print_comparison

    if as_json:
        typer.echo(json.dumps(msgspec.to_builtins(compared)))
    else:
        print_comparison(compared, Console())
    if html:
        _write(html, html_page(compared))


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text)
    except OSError as error:
        raise Fatal(Reason.CONFIG, f"--html: cannot write {path}: {error.strerror}") from error
    typer.echo(f"written: {path}", err=True)
