"""``keywatch keys import``: keys that another system made, from a file."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Annotated, Final

import msgspec
import typer
from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress

from domain.errors import Fatal, Reason, Rejected
from domain.secret import Secret
from keystore.importing import Importing
from keystore.issuing import KeySpec
from keystore.rate import RateLimit
from keystore.token import DEFAULT_PREFIX
from monitor.cli_errors import exit_codes
from monitor.cli_keys import open_store
from monitor.cli_options import Config, Who, who

BATCH: Final = 500
EPILOG: Final = (
    'Example: keywatch keys import keys.jsonl, with lines such as {"key_id": "gw-1", "tenant": "acme", '
    '"owner": "ops@acme.example"}, and "secret" and "scopes" where keywatch is to verify the key'
)


class Foreign(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """One line of the file. All but the first three are for keys that come with their secret."""

    key_id: str
    tenant: str
    owner: str
    secret: str = ""
    name: str = ""
    prefix: str = DEFAULT_PREFIX
    expires_days: int | None = 365
    scopes: list[str] = []
    networks: list[str] = []
    rate: str = ""

    def spec(self) -> KeySpec:
        """What a key with a secret may do. Raises ``Rejected``."""
        return KeySpec(
            tenant=self.tenant,
            owner=self.owner,
            name=self.name,
            prefix=self.prefix,
            expires_s=None if self.expires_days is None else self.expires_days * 86_400,
            scopes=tuple(self.scopes),
            networks=tuple(self.networks),
            rate=RateLimit.parse(self.rate) if self.rate else None,
        )


def import_keys(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="One JSON object a line; see below.")],
    by: Who = "",
    config: Config = None,
) -> None:
    """Register keys that another system made, so that they can be suspended, or also verified.

    A key with a secret is kept under Argon2 and takes some 20 ms; it needs keystore.imported_secrets.
    Doing it again changes nothing. Delete the file afterwards if it holds secrets.
    """
    with exit_codes():
        total = sum(1 for _ in _lines(file))
        store, lines, done = open_store(config), _lines(file), 0
        progress = Progress(
            *Progress.get_default_columns(),
            MofNCompleteColumn(),
            console=Console(stderr=True),
            transient=True,
        )
        progress.disable = not sys.stderr.isatty()
        with progress:
            bar = progress.add_task("importing keys", total=total)
            while batch := list(islice(lines, BATCH)):
                _store(store, batch, who(by))
                done += len(batch)
                progress.update(bar, completed=done)
    typer.echo(f"keys imported: {done:,}", err=True)


def _store(store: Importing, batch: list[tuple[str, Foreign]], by: str) -> None:
    store.import_many([(key.key_id, key.tenant, key.owner) for _, key in batch if not key.secret], by)
    for where, key in batch:
        if key.secret:
            try:
                store.import_secret(key.key_id, Secret(key.secret), key.spec(), by)
            except Rejected as error:
                raise Rejected(error.reason, f"{where}: {error}") from error


def _lines(path: Path) -> Iterator[tuple[str, Foreign]]:
    """Where, and what. Raises ``Rejected`` naming the line, never its content."""
    decoder = msgspec.json.Decoder(Foreign)
    try:
        with path.open("rb") as lines:
            for number, line in enumerate(lines, 1):
                if line.strip():
                    yield f"{path} line {number}", _decoded(decoder, f"{path} line {number}", line)
    except OSError as error:
        raise Fatal(Reason.CONFIG, f"cannot read {path}: {error.strerror}") from error


def _decoded(decoder: msgspec.json.Decoder[Foreign], where: str, line: bytes) -> Foreign:
    try:
        return decoder.decode(line)
    except msgspec.MsgspecError as error:
        raise Rejected(Reason.WRONG_TYPE, f"{where}: {error}") from error
