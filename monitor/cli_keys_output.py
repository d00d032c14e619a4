"""What ``keywatch keys`` prints: results on standard output, remarks on standard error."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from domain.picture import KeyPicture
from domain.ports import KeyState, KeyStatus
from keystore.record import HistoryEntry, KeyDetails
from keystore.results import Issued, NotAccepted, Usage, Verified
from keystore.usage import DAY_MS
from monitor.cli_cases_output import print_picture
from monitor.cli_tables import cells, print_json, table, utc_text

STYLES = {
    KeyState.ACTIVE: "green",
    KeyState.RETIRING: "cyan",
    KeyState.SUSPENDED: "yellow",
    KeyState.REVOKED: "red",
    KeyState.EXPIRED: "dim",
}


def print_issued(issued: Issued, as_json: bool) -> None:
    """The secret alone on standard output, so that it can be piped into a vault."""
    ends = utc_text(issued.expires_ms)
    typer.echo(
        f"{issued.key_id} is valid until {ends}. Its secret is shown only now: keep it safe.", err=True
    )
    _print_secret(issued, {}, as_json)


def print_rotated(issued: Issued, old: KeyDetails, as_json: bool) -> None:
    """The successor's secret, and until when the old key works."""
    ends, works = utc_text(issued.expires_ms), utc_text(old.retires_ms)
    until = "does not work any more" if old.status.state is KeyState.REVOKED else f"works until {works}"
    typer.echo(
        f"{issued.key_id} replaces {old.status.key_id}, which {until}. It is valid until {ends or 'revoked'}."
        " Its secret is shown only now: keep it safe.",
        err=True,
    )
    _print_secret(issued, {"replaces": old.status.key_id, "old_works_until": works}, as_json)


def _print_secret(issued: Issued, more: dict[str, str], as_json: bool) -> None:
    secret = issued.secret.reveal()
    if as_json:
        known = {"key_id": issued.key_id, "secret": secret, "expires_at": utc_text(issued.expires_ms)}
        print_json(known | more)
    else:
        typer.echo(secret)


def print_verdict(answer: Verified | NotAccepted, as_json: bool) -> None:
    """Whether a request is let in, whose it is, or why not."""
    plain = msgspec.to_builtins(answer)
    if as_json:
        print_json({"accepted": isinstance(answer, Verified)} | plain)
    elif isinstance(answer, Verified):
        limit = f", {answer.rate.remaining} of {answer.rate.limit} requests left" if answer.rate else ""
        typer.echo(f"accepted: {answer.key_id} of {answer.tenant} ({answer.state.value}{limit})")
    else:
        typer.echo(f"{answer.refusal.value}: {answer.message}")


def print_keys(keys: Sequence[KeyDetails], *, more: bool, as_json: bool) -> None:
    """A table, or a JSON array."""
    if as_json:
        print_json([_plain(key) for key in keys])
    else:
        rows = table("key", "state", "tenant", "owner", "name", "created", "why")
        for key in keys:
            status = key.status
            described = [*cells(status.tenant, status.owner, key.name), Text(utc_text(key.created_ms))]
            rows.add_row(Text(status.key_id), _state(status.state), *described, Text(status.reason))
        Console().print(rows)
    if more:
        typer.echo("There are more keys: raise --limit.", err=True)


def print_key(
    key: KeyDetails,
    use: Usage,
    picture: KeyPicture | None,
    history: Sequence[HistoryEntry],
    as_json: bool,
) -> None:
    """All about one key."""
    plain = _plain(key) | _plain_use(use)
    if as_json:
        acts = [_plain_entry(entry) for entry in history]
        print_json(plain | {"picture": msgspec.to_builtins(picture), "history": acts})
        return
    console, facts = Console(), Table.grid(padding=(0, 2))
    for name, value in plain.items():
        if value:
            facts.add_row(Text(name.replace("_", " "), "bold"), Text(_told(value)))
    rows = table("when", "what", "from", "to", "case", "by", "why")
    for entry in history:
        rows.add_row(Text(utc_text(entry.at_ms)), *cells(*_acts(entry)))
    console.print(facts)
    if picture:
        print_picture(picture, console)
    console.print(rows)


def print_status(status: KeyStatus, as_json: bool) -> None:
    """The state after a change."""
    if as_json:
        print_json(_plain_status(status))
    else:
        Console().print(Text(f"{status.key_id} is ").append(_state(status.state)), soft_wrap=True)


def _plain(key: KeyDetails) -> dict[str, Any]:
    return _plain_status(key.status) | {
        "name": key.name,
        "prefix": key.prefix,
        "created_at": utc_text(key.created_ms),
        "expires_at": utc_text(key.key_expires_ms),
        "suspended_by": key.suspended_by,
        "scopes": list(key.scopes),
        "networks": list(key.networks),
        "rate": str(key.rate or ""),
        "predecessor": key.predecessor,
        "successor": key.successor,
        "works_until": utc_text(key.retires_ms),
        "pepper_version": key.pepper_version,
        "weak": key.weak,
    }


def _plain_use(use: Usage) -> dict[str, Any]:
    days = {utc_text(day * DAY_MS)[:10]: count for day, count in use.days.items()}
    return {"last_used_at": utc_text(use.last_used_ms), "uses_by_day": days}


def _told(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name}: {count:,}" for name, count in value.items())
    return " ".join(value) if isinstance(value, list) else str(value)


def _plain_status(status: KeyStatus) -> dict[str, Any]:
    return {
        "key_id": status.key_id,
        "state": status.state.value,
        "tenant": status.tenant,
        "owner": status.owner,
        "reason": status.reason,
        "case_id": status.case_id,
        "suspension_ends_at": utc_text(status.expires_ms),
    }


def _plain_entry(entry: HistoryEntry) -> dict[str, str]:
    names = ("what", "from", "to", "case_id", "by", "reason")
    return {"at": utc_text(entry.at_ms)} | dict(zip(names, _acts(entry), strict=True))


def _acts(entry: HistoryEntry) -> tuple[str, ...]:
    return (entry.verb, entry.before, entry.after, entry.case_id, entry.by, entry.reason)


def _state(state: KeyState) -> Text:
    return Text(state.value, STYLES[state])
