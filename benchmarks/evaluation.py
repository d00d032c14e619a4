"""Everything that docs/evaluation.md shows: ``make evaluation`` or ``python -m benchmarks.evaluation``.

Makes the corpora, replays them, runs the peers, and writes the figures into docs/figures, the tables into
docs/evaluation.md between its marks, and page and JSON into the work folder. Takes about ten minutes a
corpus on one core, most of it Random Cut Forest's.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any, Final

from rich.console import Console

from alerting.policy import load_policy
from benchmarks.peers.__main__ import HONEST, RATE
from benchmarks.peers.contest import contest, cpu_seconds
from monitor.config import Config
from monitor.evaluation.charts import figures
from monitor.evaluation.page import page
from monitor.evaluation.report import ALL, evaluate, show
from monitor.evaluation.run import play_all
from monitor.evaluation.tables import Grid, compared, found, honest, share, swept
from sample_streams.corpus.__main__ import write

BEGIN: Final = "<!-- measured: written by make evaluation -->"
END: Final = "<!-- end of measured -->"


def measured(report: dict[str, Any], peers: dict[str, Any]) -> str:
    """The measured part of the page."""
    policy = report["policy"]
    grids = (found(policy), compared(peers), swept(report["sweep"]), honest(policy))
    return "\n\n".join([_summary(report), *(_markdown(grid) for grid in grids)])


def _summary(report: dict[str, Any]) -> str:
    policy, corpora = report["policy"], report["corpora"]
    rows: list[dict[str, Any]] = policy["recall"]
    every = next(row for row in rows if row["kind"] == ALL and row["strength"] == "all")
    rate, suspended = policy["false_alerts"]["all after warm-up"], policy["suspensions"]
    low, high = rate["interval"]
    return (
        f"Corpora of seeds {', '.join(str(c['seed']) for c in corpora)}: {sum(c['keys'] for c in corpora):,} "
        f"keys, {sum(c['events'] for c in corpora):,} events. The shipped policy found {every['found']} of "
        f"{every['of']} attacks ({share((every['found'], every['of']))}) and alarmed {rate['count']} times "
        f"for nothing in {rate['key_days']:,.0f} honest key-days: {rate['rate']:.1f} per 1,000 "
        f"(95 %: {low:.1f} to {high:.1f}). Suspensions: {suspended['right']} right, "
        f"{suspended['wrong']} wrong."
    )


def _markdown(grid: Grid) -> str:
    lines = [grid.heads, ["---"] * len(grid.heads), *grid.rows]
    return f"### {grid.title}\n\n" + "\n".join(f"| {' | '.join(line)} |" for line in lines)


def put(document: Path, text: str) -> None:
    """Replace what stands between the marks of a document."""
    old = document.read_text()
    head, tail = old[: old.index(BEGIN) + len(BEGIN)], old[old.index(END) :]
    document.write_text(f"{head}\n\n{text}\n\n{tail}")


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.evaluation", description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--size", choices=("small", "full"), default="full")
    parser.add_argument("--work", type=Path, default=Path(".evaluation"), help="folder for the corpora")
    parser.add_argument("--docs", type=Path, default=Path("docs"))
    parser.add_argument("--jobs", type=int, default=1, help="corpora replayed at once")
    parser.add_argument("--honest", type=int, default=HONEST, help="honest keys for Random Cut Forest")
    wanted = parser.parse_args()
    folders = [wanted.work / f"{wanted.size}-{seed}" for seed in wanted.seeds]
    for seed, folder in zip(wanted.seeds, folders, strict=True):
        write(seed, wanted.size, folder)
    began, errors = cpu_seconds(), Console(stderr=True)
    played = play_all(folders, Config(), load_policy(None), wanted.jobs, errors)
    seconds = cpu_seconds() - began
    report = evaluate(played)
    show(errors, report)
    peers = contest(folders, played, seconds, RATE, wanted.honest)
    drawn = figures(report, peers)
    (wanted.work / "evaluation.json").write_text(json.dumps(report))
    (wanted.work / "peers.json").write_text(json.dumps(peers))
    (wanted.work / "evaluation.html").write_text(page(report, drawn, peers))
    (wanted.docs / "figures").mkdir(exist_ok=True)
    for name, svg in drawn.items():
        (wanted.docs / "figures" / f"{name}.svg").write_text(svg)
    put(wanted.docs / "evaluation.md", measured(report, peers))


if __name__ == "__main__":
    main()
