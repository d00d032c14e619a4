"""``keywatch keys pepper``: the peppers in ``keystore.pepper_file``, and the keys still under old ones."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from domain.errors import Fatal, Reason, Refused
from keystore.hashing import Peppers
from keystore.pepper_census import Census, census
from monitor.cli_errors import exit_codes
from monitor.cli_keys import open_store
from monitor.cli_options import Config, Json
from monitor.cli_tables import cells, print_json, table

app = typer.Typer(
    name="pepper",
    help="Change the pepper under which secrets are hashed. Steps: add, copy the file to every host and "
    "restart, use, copy and restart again, status until no key is left under the old one, drop.",
    epilog="Example: keywatch keys pepper status",
    no_args_is_help=True,
)

Version = Annotated[int, typer.Argument(metavar="VERSION", help="As `keywatch keys pepper status` shows it.")]


@app.command(epilog="Example: keywatch keys pepper add")
def add(config: Config = None) -> None:
    """Add a random pepper to the file, or make the file. It is known from now on, and not used yet."""
    with exit_codes():
        path = _path(config)
        if not path.exists():
            _written(path, Peppers.generate(), new=True)
            typer.echo(f"{path}: made, with pepper version 1. Keep a copy: without it no key verifies.")
            return
        peppers = Peppers.from_file(path).added()
        _written(path, peppers)
        version = max(peppers.by_version)
        typer.echo(
            f"{path}: pepper version {version} added. Copy the file to every host and restart what reads "
            f"it; only then: keywatch keys pepper use {version}"
        )


@app.command(epilog="Example: keywatch keys pepper use 2")
def use(version: Version, config: Config = None) -> None:
    """Hash new keys under this version; old ones move to it when they are next used."""
    with exit_codes():
        path = _path(config)
        _written(path, Peppers.from_file(path).using(version))
        typer.echo(f"{path}: version {version} is current. Copy the file to every host and restart.")


@app.command(epilog="Example: keywatch keys pepper drop 1")
def drop(
    version: Version,
    force: Annotated[
        bool, typer.Option("--force", help="Though keys that are left under it stop working.")
    ] = False,
    config: Config = None,
) -> None:
    """Remove a version from the file. Refused while living keys are left under it."""
    with exit_codes():
        path = _path(config)
        peppers = Peppers.from_file(path).without(version)
        left = 0 if force else _census(config).living.get(version, 0)
        if left:
            raise Refused(
                Reason.CONFLICT,
                f"{left} living keys are left under pepper version {version} and would stop working: see "
                "`keywatch keys pepper status`, rotate them, or pass --force",
            )
        _written(path, peppers)
        typer.echo(f"{path}: version {version} is gone. Copy the file to every host and restart.")


@app.command(epilog="Example: keywatch keys pepper status --json")
def status(
    limit: Annotated[int, typer.Option(min=0, help="Name this many keys under old versions.")] = 20,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """How many keys each pepper version holds, and which are left under old ones.

    A key moves to the current version at its next use; one that is not used must be rotated.
    """
    with exit_codes():
        peppers = Peppers.from_file(_path(config))
        _print(_census(config, limit), peppers, as_json)


def _census(config: Path | None, named: int = 0) -> Census:
    store = open_store(config)
    current = store.peppers.current if store.peppers else 0
    return census(store.every_key(), current, named)


def _print(found: Census, peppers: Peppers, as_json: bool) -> None:
    versions = sorted({*peppers.by_version, *found.keys})
    if as_json:
        print_json(
            {
                "current": peppers.current,
                "versions": [
                    {
                        "version": v,
                        "keys": found.keys[v],
                        "living": found.living[v],
                        "in_file": v in peppers.by_version,
                    }
                    for v in versions
                ],
                "left": [key.status.key_id for key in found.left],
            }
        )
        return
    rows = table("version", "keys", "of them living", "")
    for v in versions:
        what = "current" if v == peppers.current else ("" if v in peppers.by_version else "not in the file")
        rows.add_row(*cells(str(v), f"{found.keys[v]:,}", f"{found.living[v]:,}", what))
    console = Console()
    console.print(rows)
    if found.left:
        left = table("left under an old version", "version", "tenant", "owner")
        for key in found.left:
            status = key.status
            left.add_row(*cells(status.key_id, str(key.pepper_version), status.tenant, status.owner))
        console.print(left)


def _path(config: Path | None) -> Path:
    """Raises ``Fatal(CONFIG)`` when no file is set."""
    name = importlib.import_module("monitor.wiring").read_config(config).keystore.pepper_file
    if not name:
        raise Fatal(Reason.CONFIG, "set keystore.pepper_file to the path of the file")
    return Path(name)


def _written(path: Path, peppers: Peppers, *, new: bool = False) -> None:
    try:
        peppers.save(path) if new else peppers.replace(path)
    except OSError as error:
        raise Fatal(Reason.CONFIG, f"cannot write {path}: {error.strerror}") from error
