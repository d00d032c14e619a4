"""Options that several ``keywatch`` commands share."""

from __future__ import annotations

import getpass
from pathlib import Path
from typing import Annotated

import typer

from domain.errors import Fatal, Reason

Config = Annotated[
    Path | None, typer.Option("--config", "-c", help="Configuration file; default: keywatch.yaml.")
]
Json = Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")]
Why = Annotated[str, typer.Option("--reason", help="Kept in the history and the audit, shown to the owner.")]
Who = Annotated[
    str, typer.Option("--by", envvar="KEYWATCH_USER", help="Who does this; default: the login name.")
]


def who(named: str) -> str:
    """The person named, else the login name. Raises ``Fatal`` where there is neither."""
    try:
        return named or getpass.getuser()
    except (KeyError, OSError):  # a container's user without a name
        raise Fatal(Reason.CONFIG, "who are you? pass --by or set KEYWATCH_USER") from None
