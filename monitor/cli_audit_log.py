"""``keywatch audit``: who did what to which key, and proof that nobody changed it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from monitor.cli_cases_output import utc
from monitor.cli_errors import exit_codes
from monitor.cli_options import Config, Json
from monitor.cli_tables import literal

if TYPE_CHECKING:
    from monitor.wiring_alerting import Office

app = typer.Typer(
    name="audit",
    help="Read the audit log, and prove that it is whole.",
    epilog="Example: keywatch audit verify --anchor 1042:9f86d081...",
    no_args_is_help=True,
)


def _office(config: Path | None) -> Office:
    from monitor.wiring_alerting import open_office

    return open_office(config)


@app.command(epilog="Example: keywatch audit verify --anchor 1042:9f86d081...")
def verify(
    anchor: Annotated[
        str, typer.Option(help="An end of the log that you kept: shows entries cut off since.")
    ] = "",
    config: Config = None,
) -> None:
    """Check every entry against the one before; exit 4 at the first that is not as it was written."""
    from alerting.audit_chain import parse_anchor
    from alerting.audit_chain import verify as verify_chain
    from monitor.wiring import audit_key

    with exit_codes():
        office = _office(config)
        key = audit_key(office.config)
        kept = parse_anchor(anchor) if anchor else None
        # the head is read first: entries that are appended meanwhile are none of ours
        head = office.audit.head()
        log = (entry for entry in office.audit.stored() if entry.place <= head.seq)
        last = verify_chain(log, head, kept, key)
    typer.echo(f"{last.seq} entries, all as written" + ("" if key else " (no key: hashes only)"))
    typer.echo(f"anchor {last}")


@app.command(epilog="Example: keywatch audit export > audit.jsonl")
def export(config: Config = None) -> None:
    """Every entry as a line of JSON with its hash, oldest first."""
    with exit_codes():
        for stored in _office(config).audit.stored():
            line = json.loads(stored.line)
            typer.echo(json.dumps({**line, "hash": stored.hash, "mac": stored.mac}))


@app.command("list", epilog="Example: keywatch audit list --limit 20")
def list_entries(
    before: Annotated[int, typer.Option(min=0, help="Entries below this number.")] = 0,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many.")] = 50,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """The newest entries."""
    with exit_codes():
        entries = _office(config).audit.page(before, limit)
    if as_json:
        typer.echo(json.dumps(msgspec.to_builtins(entries)))
        return
    table = Table("entry", "when (UTC)", "who", "what", "key", "case", "why", box=None)
    for e in entries:
        words = [literal(text) for text in (e.who, e.what, e.key_id, e.case_id, e.why)]
        table.add_row(str(e.seq), utc(e.ts_ms), *words)
    Console().print(table if entries else "nothing was done yet")
