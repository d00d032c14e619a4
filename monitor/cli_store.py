"""``keywatch keys store-check``: does the configured key store answer, and may we do there what we must?"""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from domain.errors import Reason, Refused
from domain.ports import Capabilities, KeyState, KeyStatus
from monitor.cli_errors import exit_codes
from monitor.cli_options import Config, Json, Who, who


@dataclass(frozen=True, slots=True)
class Checked:
    """What was found out. ``key`` is None in a dry run."""

    kind: str
    capabilities: Capabilities
    key: KeyStatus | None
    warnings: Sequence[str]
    exercised: str


def store_check(
    key: Annotated[str, typer.Option(help="Id of a key to look at.")],
    dry: Annotated[bool, typer.Option("--dry", help="Read settings and secrets only; ask nobody.")] = False,
    exercise: Annotated[
        bool, typer.Option("--exercise", help="Suspend the key and reinstate it: use a key of your own.")
    ] = False,
    by: Who = "",
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Try the key store: what it can do, how one key stands, what to see to. Changes nothing unless told."""
    if exercise and not dry and not yes:
        typer.confirm(f"Suspend {key} for a moment, then reinstate it?", abort=True, err=True)
    with exit_codes():
        checked = _dry(config) if dry else _asked(config, key, who(by) if exercise else "")
    _print(checked, as_json)


def _dry(path: Path | None) -> Checked:
    wiring: Any = importlib.import_module("monitor.wiring")
    keystore: Any = importlib.import_module("monitor.wiring_keystore")
    settings = wiring.read_config(path).keystore
    return Checked(settings.kind, keystore.capabilities_of(settings, wiring.CLOCK), None, [], "")


def _asked(path: Path | None, key_id: str, exercised_by: str) -> Checked:
    wiring: Any = importlib.import_module("monitor.wiring")
    kind = wiring.read_config(path).keystore.kind
    store = wiring.open_acting_store(path)
    status = store.describe(key_id)
    warnings = [] if kind == "redis" else list(store.warnings())
    done = exercised(store, key_id, exercised_by) if exercised_by else ""
    return Checked(kind, store.capabilities(), status, warnings, done)


def exercised(store: Any, key_id: str, by: str) -> str:
    """Suspend and reinstate, and look in between; the outcome in words. Raises what the store raises."""
    if not store.capabilities().reversible:
        raise Refused(
            Reason.IRREVERSIBLE, "this store cannot reinstate a key: there is nothing to try safely"
        )
    if store.describe(key_id).state is not KeyState.ACTIVE:
        raise Refused(Reason.ILLEGAL_STATE, f"key {key_id!r} is not active: try it with one that is")
    store.suspend_manually(key_id, by, "keywatch keys store-check")
    seen = store.describe(key_id).state
    store.reinstate_manually(key_id, by, "keywatch keys store-check")
    return f"suspended (seen as {seen}), then reinstated (now {store.describe(key_id).state})"


def _print(checked: Checked, as_json: bool) -> None:
    if as_json:
        typer.echo(msgspec.json.encode(msgspec.to_builtins(checked)).decode())
        return
    can = checked.capabilities
    lines = [
        f"store        {checked.kind}",
        f"undo         {_undo(can)}",
        f"stops        one {can.granularity.value}",
        f"takes effect within {can.propagation_s:g} s",
    ]
    if checked.key is not None:
        held = f", held by case {checked.key.case_id}" if checked.key.case_id else ""
        lines.append(f"key          {checked.key.key_id} is {checked.key.state.value}{held}")
    if checked.exercised:
        lines.append(f"exercise     {checked.exercised}")
    lines += [f"warning      {warning}" for warning in checked.warnings]
    typer.echo("\n".join(lines))


def _undo(can: Capabilities) -> str:
    if not can.reversible:
        return "impossible: keywatch never suspends here by itself"
    return "any time" if can.undo_within_s is None else f"within {can.undo_within_s / 86_400:.0f} days"
