"""``keywatch evaluate``: recall, latency and false alerts on corpora whose truth is known."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from monitor.cli_errors import exit_codes
from monitor.cli_options import Config, Json


def _draw(report: dict[str, Any], html: Path | None, folder: Path | None, peers: Path | None) -> None:
    from monitor.evaluation.charts import figures
    from monitor.evaluation.page import page

    compared = json.loads(peers.read_text()) if peers else None
    drawn = figures(report, compared)
    if html:
        html.write_text(page(report, drawn, compared))
    if folder:
        folder.mkdir(parents=True, exist_ok=True)
        for name, svg in drawn.items():
            (folder / f"{name}.svg").write_text(svg)


def evaluate(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A corpus, or a folder of corpora.")],
    as_json: Json = False,
    html: Annotated[Path | None, typer.Option(help="Write a page with figures to this file.")] = None,
    figures: Annotated[Path | None, typer.Option(help="Write the figures as SVG to this folder.")] = None,
    peers: Annotated[Path | None, typer.Option(help="Comparison by benchmarks.peers, to show too.")] = None,
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
        if html or figures:
            _draw(report, html, figures, peers)
    if as_json:
        typer.echo(json.dumps(report))
    else:
        show(Console(), report)
