"""``keywatch keys issue-many``: keys for a whole platform, from a file."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Annotated, Final, TextIO

import msgspec
import typer

from domain.errors import Fatal, Reason
from keystore.issuing import KeySpec
from keystore.rate import RateLimit
from keystore.results import Issued
from keystore.token import DEFAULT_PREFIX
from monitor.cli_errors import exit_codes
from monitor.cli_keys import open_store
from monitor.cli_lines import read_lines, rejected_at
from monitor.cli_options import Config, Who, who
from monitor.cli_progress import counting

BATCH: Final = 500
"""Keys made at once: what is lost, made but told to nobody, if this process dies in between."""


EPILOG: Final = (
    "Example: keywatch keys issue-many wanted.jsonl --out secrets.jsonl, with lines such as "
    '{"tenant": "acme", "owner": "ops@acme.example", "name": "ci", "scopes": ["GET:/v1/**"]}'
)


class Wanted(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """One line of the file."""

    tenant: str
    owner: str
    name: str = ""
    prefix: str = DEFAULT_PREFIX
    expires_days: int | None = 365
    scopes: list[str] = []
    networks: list[str] = []
    rate: str = ""

    def spec(self) -> KeySpec:
        """Checked. Raises ``Rejected``."""
        spec = KeySpec(
            tenant=self.tenant,
            owner=self.owner,
            name=self.name,
            prefix=self.prefix,
            expires_s=None if self.expires_days is None else self.expires_days * 86_400,
            scopes=tuple(self.scopes),
            networks=tuple(self.networks),
            rate=RateLimit.parse(self.rate) if self.rate else None,
        )
        spec.check()
        return spec


def issue_many(
    wanted: Annotated[Path, typer.Argument(metavar="FILE", help="One JSON object a line; see below.")],
    out: Annotated[
        Path | None, typer.Option(help="A new file for the secrets, readable by you only.")
    ] = None,
    by: Who = "",
    config: Config = None,
) -> None:
    """Make many keys. Every line is checked before the first key is made.

    A line has tenant and owner, and may have name, prefix, expires_days (null is never), scopes, networks
    and rate. Answers a line each, with key_id and secret: only its hash is kept.
    """
    done = 0
    with exit_codes():
        total = sum(1 for _ in _specs(wanted))
        store, specs = open_store(config), _specs(wanted)
        with _secrets_file(out) as told, counting("issuing keys", total) as count:
            while batch := list(islice(specs, BATCH)):
                _tell(told, batch, store.issue_many(batch, who(by)))
                done += len(batch)
                count(len(batch))
    typer.echo(f"{done:,} keys issued. Their secrets are shown only now: keep them safe.", err=True)


def _specs(path: Path) -> Iterator[KeySpec]:
    for where, line in read_lines(path, Wanted):
        with rejected_at(where):
            spec = line.spec()
        yield spec


@contextmanager
def _secrets_file(path: Path | None) -> Iterator[TextIO]:
    if path is None:
        yield sys.stdout
        return
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise Fatal(Reason.CONFIG, f"--out: cannot create {path}: {error.strerror}") from error
    with os.fdopen(descriptor, "w", encoding="utf-8") as out:
        yield out


def _tell(out: TextIO, specs: Sequence[KeySpec], made: Sequence[Issued]) -> None:
    for spec, issued in zip(specs, made, strict=True):
        line = {
            "key_id": issued.key_id,
            "secret": issued.secret.reveal(),
            "tenant": spec.tenant,
            "owner": spec.owner,
            "name": spec.name,
        }
        out.write(msgspec.json.encode(line).decode() + "\n")
    out.flush()
