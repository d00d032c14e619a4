"""``keywatch silences``: what people do not want to hear of, for a while."""

from __future__ import annotations

import json
import secrets
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer
from msgspec.structs import replace
from rich.console import Console
from rich.table import Table

from domain.silence import ANY, Silence
from monitor.cli_cases_output import utc
from monitor.cli_errors import exit_codes
from monitor.cli_options import Config, Json, Who, Why, who
from monitor.cli_tables import literal

if TYPE_CHECKING:
    from pathlib import Path

    from monitor.wiring_alerting import Office

app = typer.Typer(
    name="silences",
    help="Mute alerts for a while. Keys are still suspended, and others hear of every silence.",
    epilog="Example: keywatch silences add --tenant acme --hours 4 --reason 'load test'",
    no_args_is_help=True,
)

SilenceId = Annotated[str, typer.Argument(metavar="SILENCE_ID", help="As `keywatch silences list` shows it.")]
Key = Annotated[str, typer.Option(help="Glob of key ids.")]
Tenant = Annotated[str, typer.Option(help="Glob of tenants.")]
Detector = Annotated[str, typer.Option(help="Glob of detectors.")]
Kind = Annotated[str, typer.Option(help="Glob of kinds: origin, volume, behaviour, timing, certain.")]
Network = Annotated[str, typer.Option(help="Glob of networks, or a network that holds them.")]
HOUR_MS = 3_600_000


def _office(config: Path | None) -> Office:
    from monitor.wiring_alerting import open_office

    return open_office(config)


@app.command("list", epilog="Example: keywatch silences list --all --json")
def list_silences(
    everything: Annotated[bool, typer.Option("--all", help="Also those that are over.")] = False,
    cursor: Annotated[str, typer.Option(help="Go on where the last page ended (with --all).")] = "",
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many.")] = 50,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Silences that run now."""
    with exit_codes():
        office = _office(config)
        if everything:
            page = office.silences.page(cursor, limit)
            found, more = page.silences, page.cursor
        else:
            found, more = office.silences.active(office.desk.now_ms()), ""
    if as_json:
        typer.echo(json.dumps(msgspec.to_builtins(found)))
    else:
        Console().print(_table(found) if found else "no silences")
    if more:
        typer.echo(f"There are more: --cursor {more}", err=True)


def _table(silences: Sequence[Silence]) -> Table:
    table = Table("silence", "what", "until (UTC)", "by", "why", "suspensions", box=None)
    for silence in silences:
        muted = "muted too" if silence.suspensions else "still told"
        table.add_row(
            silence.id,
            literal(silence.words()),
            utc(silence.until_ms),
            literal(silence.who),
            literal(silence.why),
            muted,
        )
    return table


@app.command(
    epilog="Example: keywatch silences add --key 'ci_*' --kind volume --hours 2 --reason 'load test'"
)
def add(
    reason: Why,
    hours: Annotated[float, typer.Option(min=0.01, help="How long from now.")] = 1.0,
    key: Key = ANY,
    tenant: Tenant = ANY,
    detector: Detector = ANY,
    kind: Kind = ANY,
    network: Network = ANY,
    suspensions: Annotated[
        bool, typer.Option("--suspensions", help="Mute the messages of suspensions too.")
    ] = False,
    by: Who = "",
    config: Config = None,
) -> None:
    """Begin a silence."""
    with exit_codes():
        office = _office(config)
        now_ms = office.desk.now_ms()
        silence = office.silencing.add(
            Silence(
                id=f"sil_{secrets.token_hex(8)}",
                who=who(by),
                why=reason,
                created_ms=now_ms,
                until_ms=now_ms + int(hours * HOUR_MS),
                key=key,
                tenant=tenant,
                detector=detector,
                kind=kind,
                network=network,
                suspensions=suspensions,
            )
        )
    typer.echo(f"{silence.id}: {silence.words()} until {utc(silence.until_ms)} UTC")


@app.command(
    epilog="Example: keywatch silences extend sil_1f0c22ab34cd56ef --hours 4 --reason 'still testing'"
)
def extend(
    silence_id: SilenceId,
    reason: Why,
    hours: Annotated[float, typer.Option(min=0.01, help="How long from now.")] = 1.0,
    by: Who = "",
    config: Config = None,
) -> None:
    """Give a silence another end; a later one is told to the others."""
    with exit_codes():
        office = _office(config)
        old = office.silences.get(silence_id)
        until_ms = office.desk.now_ms() + int(hours * HOUR_MS)
        changed = office.silencing.change(replace(old, until_ms=until_ms), who(by), reason)
    typer.echo(f"{changed.id}: until {utc(changed.until_ms)} UTC")


@app.command(epilog="Example: keywatch silences end sil_1f0c22ab34cd56ef --reason 'test is over'")
def end(silence_id: SilenceId, reason: Why, by: Who = "", config: Config = None) -> None:
    """End a silence now."""
    with exit_codes():
        ended = _office(config).silencing.end(silence_id, who(by), reason)
    typer.echo(f"{ended.id}: over")
