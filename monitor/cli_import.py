"""``keywatch keys import``: keys that another system made, from a file."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import Annotated, Final

import typer

from domain.secret import Secret
from keystore.importing import Importing
from monitor.cli_errors import exit_codes
from monitor.cli_issue_many import BATCH, Wanted
from monitor.cli_keys import open_store
from monitor.cli_lines import read_lines, rejected_at
from monitor.cli_options import Config, Who, who
from monitor.cli_progress import counting

EPILOG: Final = (
    'Example: keywatch keys import keys.jsonl, with lines such as {"key_id": "gw-1", "tenant": "acme", '
    '"owner": "ops@acme.example"}, and "secret" and "scopes" where keywatch is to verify the key'
)


class Foreign(Wanted, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """One line of the file. What a key may do is for those that come with their secret."""

    key_id: str
    secret: str = ""


def import_keys(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="One JSON object a line; see below.")],
    by: Who = "",
    config: Config = None,
) -> None:
    """Register keys that another system made, so that they can be suspended, or also verified.

    A key with a secret is kept under Argon2 and takes some 20 ms; it needs keystore.imported_secrets.
    Doing it again changes nothing. Delete the file afterwards if it holds secrets.
    """
    done = 0
    with exit_codes():
        total = sum(1 for _ in read_lines(file, Foreign))
        store, lines = open_store(config), read_lines(file, Foreign)
        with counting("importing keys", total) as count:
            while batch := list(islice(lines, BATCH)):
                bare = [(key.key_id, key.tenant, key.owner) for _, key in batch if not key.secret]
                store.import_many(bare, who(by))
                count(len(bare))
                for where, key in batch:
                    if key.secret:
                        _import_secret(store, where, key, who(by))
                        count(1)
                done += len(batch)
    typer.echo(f"keys imported: {done:,}", err=True)


def _import_secret(store: Importing, where: str, key: Foreign, by: str) -> None:
    with rejected_at(where):
        store.import_secret(key.key_id, Secret(key.secret), key.spec(), by)
