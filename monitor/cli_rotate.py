"""``keywatch keys rotate`` and ``keywatch keys verify``."""

from __future__ import annotations

import getpass
import sys
from typing import Annotated, Final

import typer

from domain.secret import Secret
from keystore import token
from keystore.answer import MALFORMED
from keystore.request import Request
from keystore.results import Verified
from monitor.cli_durations import parse_duration
from monitor.cli_errors import EXIT_REFUSED, exit_codes
from monitor.cli_keys import KeyId, open_store
from monitor.cli_keys_output import print_rotated, print_verdict
from monitor.cli_options import Config, Json, Who, Why, who

ROTATE_EPILOG: Final = (
    "Examples: keywatch keys rotate key_7HqYw2mB4cXe9ZtA --grace 7d · "
    "keywatch keys rotate key_7HqYw2mB4cXe9ZtA --now --reason 'seen in a public repository'"
)
VERIFY_EPILOG: Final = "Example: keywatch keys verify --path /v1/items/42 --ip 198.18.3.7 < secret.txt"


def rotate(
    key_id: KeyId,
    grace: Annotated[str, typer.Option(help="How long both keys work: 0s to 30d.")] = "24h",
    now: Annotated[bool, typer.Option("--now", help="Emergency: the old key stops at once.")] = False,
    reason: Why = "",
    by: Who = "",
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Make a successor and print its secret, this once. Both keys work until the grace is over."""
    grace_s = 0 if now else parse_duration(grace)
    with exit_codes():
        store = open_store(config)
        issued = store.rotate(key_id, who(by), reason, grace_s)
        print_rotated(issued, store.details(key_id), as_json)


def verify(
    path: Annotated[str, typer.Option(help="The path of the request, without the query.")] = "/",
    method: Annotated[str, typer.Option(help="Its method.")] = "GET",
    ip: Annotated[str, typer.Option(help="The caller's address.")] = "",
    env: Annotated[str, typer.Option(help="Where the request is made: live, test; default: any.")] = "",
    offline: Annotated[bool, typer.Option("--offline", help="Only look at its form; no store.")] = False,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Ask whether a key may make a request. Its secret is read from standard input.

    Counts as a use of the key, and is taken from its rate limit. Exit code 1: not accepted.
    """
    secret = _read_secret()
    with exit_codes():
        if offline:
            typer.echo("well formed" if token.checksum_ok(secret.reveal()) else MALFORMED.message)
            raise typer.Exit(0 if token.checksum_ok(secret.reveal()) else EXIT_REFUSED)
        answer = open_store(config).verify(secret, Request(method.upper(), path, ip, env))
        print_verdict(answer, as_json)
        raise typer.Exit(0 if isinstance(answer, Verified) else EXIT_REFUSED)


def _read_secret() -> Secret:
    """Never from an argument: those are in the shell's history and in the list of processes."""
    if sys.stdin.isatty():
        return Secret(getpass.getpass("secret: "))
    return Secret(sys.stdin.readline().rstrip("\r\n"))
