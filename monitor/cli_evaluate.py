"""``keywatch evaluate``: recall, latency and false alerts on corpora whose truth is known."""

from __future__ import annotations

import json
import sys
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress, TaskID

from monitor.cli_errors import exit_codes
from monitor.cli_options import Config, Json


def _show_progress(bars: Progress, bar: TaskID, done: int, total: int) -> None:
    bars.update(bar, completed=done, total=total)


def evaluate(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A corpus, or a folder of corpora.")],
    as_json: Json = False,
    policy: Annotated[Path | None, typer.Option(help="Policy file; default: as configured.")] = None,
    config: Config = None,
) -> None:
    """Replay labelled corpora and say what was found, how soon, and how often for nothing."""
    from alerting.policy import load_policy
    from monitor.evaluation.labels import corpora
    from monitor.evaluation.report import evaluate as evaluated
    from monitor.evaluation.report import show
    from monitor.evaluation.run import play
    from monitor.wiring import policy_for, read_config

    with exit_codes():
        settings = read_config(config)
        rules = load_policy(policy) if policy else policy_for(settings)
        played = []
        with Progress(console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()) as bars:
            for path in corpora(folder):
                bar = bars.add_task(path.name)
                played.append(play(path, settings, rules, partial(_show_progress, bars, bar)))
        report = evaluated(played)
    if as_json:
        typer.echo(json.dumps(report))
    else:
        show(Console(), report)
