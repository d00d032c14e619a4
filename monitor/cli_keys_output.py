"""What ``keywatch keys`` prints: results on standard output, remarks on standard error."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from domain.ports import KeyState, KeyStatus
from keystore.record import HistoryEntry, KeyDetails
from keystore.results import Issued

STYLES = {
    KeyState.ACTIVE: "green",
    KeyState.RETIRING: "cyan",
    KeyState.SUSPENDED: "yellow",
    KeyState.REVOKED: "red",
    KeyState.EXPIRED: "dim",
}


def print_issued(issued: Issued, as_json: bool) -> None:
    """The secret alone on standard output, so that it can be piped into a vault."""
    ends = _time(issued.expires_ms)
    typer.echo(
        f"{issued.key_id} is valid until {ends}. Its secret is shown only now: keep it safe.", err=True
    )
    secret = issued.secret.reveal()
    if as_json:
        _print_json({"key_id": issued.key_id, "secret": secret, "expires_at": ends})
    else:
        typer.echo(secret)


def print_keys(keys: Sequence[KeyDetails], *, more: bool, as_json: bool) -> None:
    """A table, or a JSON array."""
    if as_json:
        _print_json([_plain(key) for key in keys])
    else:
        table = _table("key", "state", "tenant", "owner", "name", "created", "why")
        for key in keys:
            status = key.status
            described = [*_cells(status.tenant, status.owner, key.name), Text(_time(key.created_ms))]
            table.add_row(Text(status.key_id), _state(status.state), *described, Text(status.reason))
        Console().print(table)
    if more:
        typer.echo("There are more keys: raise --limit.", err=True)


def print_key(key: KeyDetails, history: Sequence[HistoryEntry], as_json: bool) -> None:
    """All about one key."""
    if as_json:
        _print_json(_plain(key) | {"history": [_plain_entry(entry) for entry in history]})
        return
    console, facts = Console(), Table.grid(padding=(0, 2))
    for name, value in _plain(key).items():
        if value:
            facts.add_row(Text(name.replace("_", " "), "bold"), Text(str(value)))
    table = _table("when", "what", "from", "to", "case", "by", "why")
    for entry in history:
        table.add_row(Text(_time(entry.at_ms)), *_cells(*_acts(entry)))
    console.print(facts, table, sep="\n")


def print_status(status: KeyStatus, as_json: bool) -> None:
    """The state after a change."""
    if as_json:
        _print_json(_plain_status(status))
    else:
        Console().print(Text(f"{status.key_id} is ").append(_state(status.state)), soft_wrap=True)


def _plain(key: KeyDetails) -> dict[str, Any]:
    return _plain_status(key.status) | {
        "name": key.name,
        "prefix": key.prefix,
        "created_at": _time(key.created_ms),
        "expires_at": _time(key.key_expires_ms),
        "suspended_by": key.suspended_by,
        "scopes": list(key.scopes),
    }


def _plain_status(status: KeyStatus) -> dict[str, Any]:
    return {
        "key_id": status.key_id,
        "state": status.state.value,
        "tenant": status.tenant,
        "owner": status.owner,
        "reason": status.reason,
        "case_id": status.case_id,
        "suspension_ends_at": _time(status.expires_ms),
    }


def _plain_entry(entry: HistoryEntry) -> dict[str, str]:
    names = ("what", "from", "to", "case_id", "by", "reason")
    return {"at": _time(entry.at_ms)} | dict(zip(names, _acts(entry), strict=True))


def _acts(entry: HistoryEntry) -> tuple[str, ...]:
    return (entry.verb, entry.before, entry.after, entry.case_id, entry.by, entry.reason)


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def _cells(*values: str) -> list[Text]:
    """As literal text: a name with brackets in it is no markup."""
    return [Text(value) for value in values]


def _state(state: KeyState) -> Text:
    return Text(state.value, STYLES[state])


def _time(moment_ms: int | None) -> str:
    """UTC, "" for never."""
    if moment_ms is None:
        return ""
    return datetime.fromtimestamp(moment_ms / 1000, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _print_json(value: object) -> None:
    typer.echo(msgspec.json.encode(value).decode())
