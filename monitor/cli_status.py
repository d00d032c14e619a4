"""``keywatch status`` and ``keywatch findings``: how the whole fares, and what was found, in a terminal."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.text import Text

from alerting.notifiers.sparkline import sparkline
from domain.overview import BudgetUse, FindingQuery, Pulse
from monitor.cli_errors import exit_codes
from monitor.cli_options import Config, Json
from monitor.cli_tables import cells, print_json, table, utc_text

if TYPE_CHECKING:
    from monitor.wiring_readers import Readers

STATUS_EPILOG = "Example: keywatch status"
FINDINGS_EPILOG = "Example: keywatch findings --tenant acme --detector geo_shift"


def _readers(config: Path | None) -> Readers:
    from monitor.wiring_alerting import open_office
    from monitor.wiring_readers import readers_for

    office = open_office(config)
    return readers_for(office.config, office.client, office)


def status(config: Config = None, as_json: Json = False) -> None:
    """How all replicas together fare: what goes through, what was found and done, whether alerts arrive."""
    with exit_codes():
        pulse = _readers(config).overview.pulse()
    if as_json:
        print_json(pulse)
        return
    console = Console()
    for name, words in _told(pulse).items():
        console.print(Text(f"{name:12}").append(words), soft_wrap=True)


def _told(pulse: Pulse) -> dict[str, str]:
    lag = "unknown: no consumer says" if pulse.lag is None else f"{pulse.lag:,} records"
    silent = "" if pulse.silent_s is None else f", the most silent partition for {pulse.silent_s:.0f} s"
    counts = [float(minute.events) for minute in pulse.minutes]
    delivery, done = pulse.delivery, f"{pulse.alerts:,} alerts, {pulse.suspensions:,} suspensions"
    waiting = f"{delivery.waiting} messages and {delivery.outbox} findings wait"
    return {
        "events": f"{pulse.events_per_s:,.1f} a second, {pulse.rejected:,} rejected within the hour",
        "last hour": f"{sparkline(counts, max(counts))}  up to {max(counts):,.0f} a minute",
        "lag": f"{lag}, {pulse.partitions} partitions{silent}",
        "keys": f"{pulse.active_keys:,} in use",
        "24 hours": f"{pulse.findings:,} findings, {done}",
        "alerts": f"keys alerted on: {_use(pulse.alert_budget)} a day",
        "suspensions": f"{_use(pulse.suspension_budget)} an hour",
        "delivery": f"{delivery.state.value}, {waiting}",
    }


def _use(budget: BudgetUse) -> str:
    spent = ": spent, a person must decide" if budget.spent else ""
    return f"{budget.used:g} of {budget.limit:g}{spent}"


def findings(
    key: Annotated[str, typer.Option(help="Only findings of this key.")] = "",
    tenant: Annotated[str, typer.Option(help="Only findings of this tenant.")] = "",
    detector: Annotated[str, typer.Option(help="Only findings of this detector.")] = "",
    cursor: Annotated[str, typer.Option(help="Go on where the last page ended.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many.")] = 50,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Findings of the last days, newest first, also those that were only observed."""
    with exit_codes():
        page = _readers(config).findings.page(FindingQuery(key, tenant, detector, cursor, limit))
    if as_json:
        print_json(page.findings)
    else:
        rows = table("time (UTC)", "key", "detector", "what", "expected", "actual", "risk", "action", "case")
        for found in page.findings:
            finding = found.finding
            first = finding.evidence[0] if finding.evidence else None
            words = (first.what, first.expected, first.actual) if first else ("", "", "")
            head = (utc_text(finding.ts_ms), finding.key_id, finding.detector)
            rows.add_row(*cells(*head, *words, f"{finding.risk:.2f}", found.action.value, found.case_id))
        Console().print(rows if page.findings else "no findings")
    if page.cursor:
        typer.echo(f"There are more: --cursor {page.cursor}", err=True)
