"""Options that several ``keywatch`` commands share."""

from __future__ import annotations

import getpass
from datetime import UTC, datetime
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
Files = Annotated[
    list[Path] | None, typer.Argument(metavar="[FILE]...", help="JSON lines, logs; plain or .gz.")
]
Kafka = Annotated[
    bool, typer.Option("--kafka", help="Read the configured topic, without a group; commits nothing.")
]
Begin = Annotated[str, typer.Option("--from", help="RFC 3339, or -7d: so long before now.")]
End = Annotated[str, typer.Option("--to", help="RFC 3339, or -1h.")]
Format = Annotated[
    str, typer.Option("--format", "-f", help="Wire format (docs/formats.md); default: by content.")
]
Geoip = Annotated[list[Path] | None, typer.Option(help="MMDB file; may be given again.")]


def utc(ms: int) -> str:
    """Epoch milliseconds as text."""
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")


def who(named: str) -> str:
    """The person named, else the login name. Raises ``Fatal`` where there is neither."""
    try:
        return named or getpass.getuser()
    except (KeyError, OSError):  # a container's user without a name
        raise Fatal(Reason.CONFIG, "who are you? pass --by or set KEYWATCH_USER") from None
