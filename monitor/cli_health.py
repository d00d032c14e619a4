"""``keywatch health`` asks a running keywatch how it is; ``keywatch roundtrip`` sends an event through it."""

from __future__ import annotations

import http.client
import json
from typing import Annotated, Final

import typer

from domain.errors import Fatal, Reason, Refused, Transient
from monitor.cli_errors import exit_codes
from monitor.cli_options import Config
from monitor.config import DEFAULT_CONFIG, load

EXAMPLE: Final = "Example: keywatch health --config keywatch.yaml --ready"
ROUNDTRIP_EXAMPLE: Final = "Example: keywatch roundtrip --config keywatch.yaml --timeout 60"
TIMEOUT_S: Final = 4.0
_ANYWHERE: Final = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104


def health(
    config: Config = None,
    ready: Annotated[bool, typer.Option("--ready", help="Ask whether it is ready, not just alive.")] = False,
) -> None:
    """Ask the keywatch of this config file whether it is alive: exit code 0 if so, 1 if not, 3 if silent."""
    with exit_codes():
        settings = load(config or (DEFAULT_CONFIG if DEFAULT_CONFIG.exists() else None)).metrics
        if not settings.port:
            raise Fatal(
                Reason.CONFIG, "metrics.port is 0, so there is nobody to ask: set it, such as to 9464"
            )
        typer.echo(ask(_ANYWHERE.get(settings.host, settings.host), settings.port, ready))


def roundtrip(
    config: Config = None,
    timeout: Annotated[float, typer.Option(help="Seconds to wait for the commit.")] = 60.0,
) -> None:
    """Send one event to the topic and wait until a running keywatch has committed it."""
    from monitor.roundtrip import Roundtrip
    from monitor.wiring import CLOCK, open_redis, read_config, sleep

    with exit_codes():
        settings = read_config(config)
        trip = Roundtrip(settings, open_redis(settings), CLOCK, sleep)
        typer.echo(f"committed after {trip.run(timeout):.1f} s")


def ask(host: str, port: int, ready: bool) -> str:
    """``live`` or ``ready``. Raises ``Refused`` with what is wrong, ``Transient`` when nobody answers."""
    connection = http.client.HTTPConnection(host, port, timeout=TIMEOUT_S)
    try:
        connection.request("GET", "/readyz" if ready else "/livez")
        answer = connection.getresponse()
        body = json.loads(answer.read())
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise Transient(Reason.UNREACHABLE, f"no keywatch answers at {host}:{port}: {error}") from error
    finally:
        connection.close()
    if answer.status != http.client.OK:
        raise Refused(Reason.ILLEGAL_STATE, "; ".join(body["wrong"]))
    return "ready" if ready else "live"
