"""The ``keywatch`` command."""

from __future__ import annotations

import json
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer
import yaml
from rich.console import Console
from rich.markup import escape
from rich.progress import Progress
from rich.table import Table

from monitor import cli_audit, cli_cases, cli_evaluate, cli_keys, cli_silences
from monitor.cli_cases_output import utc
from monitor.cli_errors import exit_codes
from monitor.cli_options import Config

if TYPE_CHECKING:
    from monitor.replay import Outcome

app = typer.Typer(
    name="keywatch",
    help="Notices that an API key is in the wrong hands, and stops it before damage is done.",
    epilog="Try it: keywatch demo",
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,
)
config_app = typer.Typer(help="Check the settings.", no_args_is_help=True)
app.add_typer(config_app, name="config")
app.add_typer(cli_keys.app, name="keys")
app.add_typer(cli_cases.app, name="cases")
app.add_typer(cli_silences.app, name="silences")
app.add_typer(cli_audit.app, name="audit")
app.command(epilog="Example: keywatch evaluate corpora/ --json > evaluation.json")(cli_evaluate.evaluate)


@app.command(epilog="Example: keywatch run --config /etc/keywatch/keywatch.yaml")
def run(config: Config = None) -> None:
    """Watch: read events from Kafka until stopped by SIGTERM or Ctrl-C."""
    from monitor.daemon import Daemon
    from monitor.logs import Log
    from monitor.wiring import CLOCK, check_redis, open_redis, read_config

    with exit_codes():
        settings = read_config(config)
        log = Log(CLOCK, settings.log.level)
        client = open_redis(settings)
        check_redis(settings, client, log)
        daemon = Daemon(settings, client, log)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: daemon.stop())
        log.info("started", topic=settings.kafka.topic, group=settings.kafka.group)
        daemon.run()
        log.info("stopped", events=daemon.pipeline.stats.events, findings=daemon.pipeline.stats.findings)


@app.command(epilog="Example: make demo")
def demo(
    scenario: Annotated[str, typer.Option(help="Which sample stream to play.")] = "stolen_key_new_country",
    keep: Annotated[bool, typer.Option(help="Stay up afterwards for review in another terminal.")] = False,
) -> None:
    """Play a sample stream through an embedded broker and store, in fast-forward."""
    from monitor.demo import play

    with exit_codes():
        play(scenario, keep, Console())


@app.command(
    epilog="Examples: keywatch replay access.log --format combined · "
    "keywatch replay trail.jsonl.gz --format cloudtrail --json"
)
def replay(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="JSON lines, logs; plain or .gz.")],
    wire_format: Annotated[
        str, typer.Option("--format", "-f", help="native, cloudtrail or combined; default: by content.")
    ] = "",
    config: Config = None,
    geoip: Annotated[list[Path] | None, typer.Option(help="MMDB file; may be given again.")] = None,
    rejects: Annotated[Path | None, typer.Option(help="Write rejected records to this file.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One finding a line as JSON.")] = False,
) -> None:
    """Run recorded requests through the same pipeline and show what it finds. Suspends nothing."""
    from monitor.detect_format import detect_format
    from monitor.replay import Replay
    from monitor.source.dead_letter import FileDeadLetters, NullDeadLetters
    from monitor.wiring import policy_for, read_config

    with exit_codes():
        settings = read_config(config)
        if geoip:
            databases = type(settings.geoip)(databases=[str(p) for p in geoip])
            settings = msgspec.structs.replace(settings, geoip=databases)
        letters = FileDeadLetters(rejects) if rejects else NullDeadLetters()
        chosen = wire_format or detect_format(files[0])
        player = Replay(files, chosen, settings, policy_for(settings), letters)
        outcomes: list[Outcome] = []
        progress = Progress(console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty())
        with progress:
            bar = progress.add_task("replaying", total=player.source.total_bytes)
            for found in player.run():
                outcomes += found
                progress.update(bar, completed=player.source.bytes_read)
                if as_json:
                    for outcome in found:
                        typer.echo(json.dumps(msgspec.to_builtins(outcome)))
    if not as_json:
        Console().print(_table(outcomes) if outcomes else "no findings")
    rejected = ", ".join(f"{n} {reason}" for reason, n in sorted(player.stats.rejected.items())) or "none"
    typer.echo(
        f"{player.stats.events} events of {player.keys} keys, {len(outcomes)} findings, rejected: {rejected}",
        err=True,
    )


def _table(outcomes: list) -> Table:  # type: ignore[type-arg]
    table = Table(
        "time (UTC)", "key", "detector", "what", "expected", "actual", "bits", "risk", "decision", box=None
    )
    for outcome in outcomes:
        finding, decision = outcome.finding, outcome.decision
        first = finding.evidence[0] if finding.evidence else None
        table.add_row(
            utc(finding.ts_ms),
            escape(finding.key_id),
            finding.detector,
            escape(first.what) if first else "",
            escape(first.expected) if first else "",
            escape(first.actual) if first else "",
            f"{finding.bits:.1f}",
            f"{finding.risk:.2f}",
            decision.action.value,
        )
    return table


@config_app.command("check", epilog="Example: keywatch config check --config keywatch.yaml")
def config_check(config: Config = None) -> None:
    """Read the settings and the policy, and print them with secrets masked."""
    from monitor.config import masked
    from monitor.wiring import policy_for, read_config

    with exit_codes():
        settings = read_config(config)
        policy_for(settings)
    typer.echo(yaml.safe_dump(masked(settings), sort_keys=False), nl=False)


def main() -> None:
    """Entry point of the ``keywatch`` command."""
    app()
