"""keywatch and its peers on labelled corpora: ``python -m benchmarks.peers DIR [--json FILE]``.

DIR is what ``keywatch evaluate`` takes. Needs the extra ``peers`` (requirements-peers.lock). Random Cut
Forest costs 10 ms a window, so it runs on the attacked keys and ``--honest`` others.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from alerting.policy import load_policy
from benchmarks.peers.contest import CERTAIN_KINDS, OURS, Entry, compare, contestants, enter, inputs
from benchmarks.peers.stream import read_stream
from monitor.config import Config
from monitor.evaluation.labels import corpora
from monitor.evaluation.run import play

RATE = 1.0


def contest(folders: list[Path], rate: float, honest: int, only: set[str]) -> dict[str, Any]:
    """All contestants on all corpora, one after the other."""
    entries: dict[str, Entry] = {OURS: Entry(OURS)}
    for folder in folders:
        began = time.perf_counter()
        entries[OURS].played.append(play(folder, Config(), load_policy(None)))
        entries[OURS].seconds += time.perf_counter() - began
        entries[OURS].events += entries[OURS].played[-1].events
        given = inputs(read_stream(folder))
        for peer in contestants():
            if not only or peer.name.split(" (")[0] in only:
                print(f"{folder.name}: {peer.name}", file=sys.stderr)
                enter(entries, peer, given, honest)
    return compare(list(entries.values()), rate)


def show(console: Console, report: dict[str, Any]) -> None:
    """The comparison as a table: kinds down, contestants across."""
    rows = report["contestants"]
    title = f"recall at {report['rate']:g} false alerts per 1,000 key-days"
    found = Table("attack", *(row["name"].replace(" (", "\n(") for row in rows), title=title, box=None)
    for kind in rows[0]["recall"]:
        found.add_row(kind, *(_share(row["recall"].get(kind)) for row in rows))
    found.add_row(f"all but {' and '.join(CERTAIN_KINDS)}", *(f"{row['total']:.0%}" for row in rows))
    found.add_row("at its own threshold: recall", *(_own(row, "recall", "{:.0%}") for row in rows))
    found.add_row("false alerts per 1,000", *(_own(row, "rate", "{:.1f}") for row in rows))
    found.add_row("microseconds an event", *(f"{row['us_an_event']:.1f}" for row in rows))
    console.print(found)


def _share(counts: list[int] | None) -> str:
    return f"{counts[0] / counts[1]:.0%}" if counts else ""


def _own(row: dict[str, Any], name: str, form: str) -> str:
    return form.format(row["published"][name]) if row["published"] else ""


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers", description=__doc__)
    parser.add_argument("folder", type=Path, metavar="DIR", help="a corpus, or a folder of corpora")
    parser.add_argument("--rate", type=float, default=RATE, help="false alerts per 1,000 key-days")
    parser.add_argument("--honest", type=int, default=100, help="honest keys for Random Cut Forest")
    parser.add_argument("--only", nargs="*", default=[], help="run these peers only")
    parser.add_argument("--json", type=Path, help="write the comparison to this file too")
    wanted = parser.parse_args()
    report = contest(corpora(wanted.folder), wanted.rate, wanted.honest, set(wanted.only))
    console = Console()
    show(Console(width=max(console.width, 200)), report)
    if wanted.json:
        wanted.json.write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
