"""keywatch and its peers on labelled corpora: ``python -m benchmarks.peers DIR [--json FILE]``.

DIR is what ``keywatch evaluate`` takes. Needs the extra ``peers`` (requirements-peers.lock). Random Cut
Forest costs 10 ms a window, so it runs on the attacked keys and ``--honest`` others.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Final

from rich.console import Console

from alerting.policy import load_policy
from benchmarks.peers.contest import contest, cpu_seconds
from monitor.config import Config
from monitor.evaluation.labels import corpora
from monitor.evaluation.report import print_grid
from monitor.evaluation.run import play_all
from monitor.evaluation.tables import compared

RATE: Final = 1.0
HONEST: Final = 60


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers", description=__doc__)
    parser.add_argument("folder", type=Path, metavar="DIR", help="a corpus, or a folder of corpora")
    parser.add_argument("--rate", type=float, default=RATE, help="false alerts per 1,000 key-days")
    parser.add_argument("--honest", type=int, default=HONEST, help="honest keys for Random Cut Forest")
    parser.add_argument("--only", nargs="*", default=[], help="run these peers only")
    parser.add_argument("--json", type=Path, help="write the comparison to this file too")
    wanted = parser.parse_args()
    console, folders = Console(), corpora(wanted.folder)
    began = cpu_seconds()
    played = play_all(folders, Config(), load_policy(None), 1, Console(stderr=True))
    seconds = cpu_seconds() - began
    report = contest(folders, played, seconds, wanted.rate, wanted.honest, set(wanted.only))
    print_grid(Console(width=max(console.width, 200)), compared(report))
    if wanted.json:
        wanted.json.write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
