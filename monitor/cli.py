"""The ``keywatch`` command."""

from __future__ import annotations

import signal
import sys
from typing import TYPE_CHECKING, Annotated

import typer
import yaml
from rich.console import Console

from monitor import (
    cli_audit,
    cli_audit_log,
    cli_backfill,
    cli_cases,
    cli_console,
    cli_evaluate,
    cli_health,
    cli_import,
    cli_issue_many,
    cli_keys,
    cli_migrate,
    cli_pepper,
    cli_replay,
    cli_rotate,
    cli_silences,
    cli_status,
)
from monitor.cli_errors import exit_codes
from monitor.cli_options import Config
from monitor.garbage import collect_seldom
from monitor.roles import Role

if TYPE_CHECKING:
    pass

app = typer.Typer(
    name="keywatch",
    help="Notices that an API key is in the wrong hands, and stops it before damage is done.",
    epilog="Try it: keywatch demo",
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,
)
config_app = typer.Typer(help="Check the settings.", no_args_is_help=True)
app.add_typer(config_app, name="config")
cli_keys.app.command("issue-many", epilog=cli_issue_many.EPILOG)(cli_issue_many.issue_many)
cli_keys.app.command("audit", epilog=cli_audit.EPILOG)(cli_audit.audit)
app.add_typer(cli_keys.app, name="keys")
app.add_typer(cli_cases.app, name="cases")
app.add_typer(cli_silences.app, name="silences")
app.add_typer(cli_audit_log.app, name="audit")
app.add_typer(cli_console.app, name="console")
app.add_typer(cli_migrate.app, name="migrate")
app.command(epilog="Example: keywatch evaluate corpora/ --json > evaluation.json")(cli_evaluate.evaluate)
cli_keys.app.command("import", epilog=cli_import.EPILOG)(cli_import.import_keys)
cli_keys.app.command("rotate", epilog=cli_rotate.ROTATE_EPILOG)(cli_rotate.rotate)
cli_keys.app.command("verify", epilog=cli_rotate.VERIFY_EPILOG)(cli_rotate.verify)
cli_keys.app.add_typer(cli_pepper.app, name="pepper")
app.command(
    epilog="Examples: keywatch replay access.log --format combined · keywatch replay --kafka --from -7d "
    "--policy new.yaml --against old.yaml"
)(cli_replay.replay)
app.command(
    epilog="Examples: keywatch backfill --kafka --from -28d · "
    "keywatch backfill access.log.1.gz access.log --format combined"
)(cli_backfill.backfill)
app.command("status", epilog=cli_status.STATUS_EPILOG)(cli_status.status)
app.command("findings", epilog=cli_status.FINDINGS_EPILOG)(cli_status.findings)
app.command("health", epilog=cli_health.EXAMPLE)(cli_health.health)
app.command("roundtrip", epilog=cli_health.ROUNDTRIP_EXAMPLE)(cli_health.roundtrip)


@app.command(epilog="Example: keywatch run --config /etc/keywatch/keywatch.yaml --role consume")
def run(
    config: Config = None,
    role: Annotated[Role, typer.Option(help="All, or the part that this process does.")] = Role.ALL,
) -> None:
    """Watch: read events from Kafka until stopped by SIGTERM or Ctrl-C. SIGHUP takes up changed files."""
    from monitor.logs import Log
    from monitor.wiring import CLOCK, check_redis, open_redis, read_config
    from monitor.wiring_ops import service_for

    with exit_codes():
        settings = read_config(config)
        log = Log(CLOCK, settings.log.level, as_json=settings.log.json)
        client = open_redis(settings)
        check_redis(settings, client, log)
        service = service_for(settings, client, role, log)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: service.stop())
        signal.signal(signal.SIGHUP, lambda *_: service.reload())
        log.info("started", topic=settings.kafka.topic, group=settings.kafka.group, role=role.value)
        service.run()
        log.info("stopped", **service.summary())


@app.command(epilog="Example: keywatch demo --keep")
def demo(
    scenario: Annotated[str, typer.Option(help="Which sample stream to play.")] = "stolen_key_new_country",
    keep: Annotated[bool, typer.Option(help="Stay up afterwards for review in another terminal.")] = False,
) -> None:
    """Play a sample stream through an embedded broker and store, in fast-forward."""
    from monitor.demo import play

    with exit_codes():
        play(scenario, keep, Console())


@config_app.command("check", epilog="Example: keywatch config check --config keywatch.yaml")
def config_check(
    config: Config = None,
    role: Annotated[Role, typer.Option(help="Also ask for what this role cannot do without.")] = Role.ALL,
) -> None:
    """Read the settings, the policy and the console's files, and print the settings with secrets masked."""
    from monitor.config import masked
    from monitor.decode.base import Limits
    from monitor.logs import Log
    from monitor.wiring import CLOCK, policy_for, read_config
    from monitor.wiring_formats import decoder_of
    from monitor.wiring_keystore import capabilities_of
    from monitor.wiring_ops import check_console

    with exit_codes():
        settings = read_config(config)
        policy_for(settings)
        decoder_of(settings, settings.kafka.format, Limits())
        capabilities_of(settings.keystore, CLOCK)
        check_console(settings, role, Log(CLOCK, "warning", sys.stderr))
    typer.echo(yaml.safe_dump(masked(settings), sort_keys=False), nl=False)


def main() -> None:
    """Entry point of the ``keywatch`` command."""
    collect_seldom()
    app()
