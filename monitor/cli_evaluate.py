"""``keywatch evaluate``: recall, latency and false alerts on corpora whose truth is known."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from monitor.cli_errors import exit_codes
from monitor.cli_options import Config, Json


def evaluate(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A corpus, or a folder of corpora.")],
    as_json: Json = False,
    policy: Annotated[Path | None, typer.Option(help="Policy file; default: as configured.")] = None,
    jobs: Annotated[int, typer.Option(min=1, help="Corpora replayed at once, each on a core.")] = 1,
    config: Config = None,
) -> None:
    """Replay labelled corpora and say what was found, how soon, and how often for nothing."""
    from alerting.policy import load_policy
    from monitor.evaluation.labels import corpora
    from monitor.evaluation.report import evaluate as evaluated
    from monitor.evaluation.report import show
    from monitor.evaluation.run import play_all
    from monitor.wiring import policy_for, read_config

    with exit_codes():
        settings = read_config(config)
        rules = load_policy(policy) if policy else policy_for(settings)
        played = play_all(corpora(folder), settings, rules, jobs, Console(stderr=True))
        report = evaluated(played)
    if as_json:
        typer.echo(json.dumps(report))
    else:
        show(Console(), report)
