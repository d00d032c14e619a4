"""``keywatch console``: who may use the console."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from console.access.person import AccessRole
from monitor.cli_errors import exit_codes

app = typer.Typer(
    name="console",
    help="Who may use the console and its API.",
    epilog="Example: keywatch console token ci --role viewer --days 90 >> tokens.yaml",
    no_args_is_help=True,
)


@app.callback()
def _console() -> None:
    """Who may use the console and its API."""


@app.command(epilog="Example: keywatch console token mary@shop.example --role responder >> tokens.yaml")
def token(
    name: Annotated[str, typer.Argument(help="Whose it is, as the audit log will call them.")],
    role: Annotated[AccessRole, typer.Option(help="What they may do.")] = AccessRole.VIEWER,
    days: Annotated[int, typer.Option(min=0, help="For how long; 0: until it is taken out.")] = 0,
) -> None:
    """Make a token: shown once on standard error; the line for console.tokens_file on standard output."""
    from console.access.tokens import new_token
    from monitor.wiring_clock import CLOCK

    with exit_codes():
        expires = datetime.fromtimestamp(int(CLOCK.now()), UTC) + timedelta(days=days) if days else None
        made, line = new_token(name, role, expires)
    typer.echo("The token, shown this once; only its hash goes into the file:", err=True)
    typer.echo(made.reveal(), err=True)
    typer.echo(line)
