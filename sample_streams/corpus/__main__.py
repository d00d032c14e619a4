"""Makes a corpus: ``python -m sample_streams.corpus --seed 1 --size small --out corpora/1``."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np

from sample_streams.corpus.columns import Columns, shipped, write_events
from sample_streams.corpus.fleet import SIZES, Case, Fleet, cast
from sample_streams.corpus.plan import write_lists, write_mmdb
from sample_streams.corpus.traffic import DAY, MINUTE_MS
from sample_streams.model import START_MS

WARM_UP_DAYS = 2.0


def write(seed: int, size: str, folder: Path) -> int:
    """Write a corpus into ``folder``; how many events it has."""
    rng = np.random.default_rng([seed, *size.encode()])
    fleet = cast(rng, SIZES[size])
    columns = shipped(rng, fleet.parties)
    folder.mkdir(parents=True, exist_ok=True)
    write_events(folder / "events.jsonl.gz", columns, fleet.parties)
    write_mmdb(folder / "plan.mmdb")
    lists = write_lists(folder / "lists")
    (folder / "labels.json").write_text(json.dumps(labels(seed, size, fleet, columns, lists)) + "\n")
    return len(columns.ts)


def labels(seed: int, size: str, fleet: Fleet, columns: Columns, lists: dict[str, str]) -> dict[str, Any]:
    """What happened, for the one who scores; times in ms, offsets are record numbers."""
    order = np.argsort(columns.party, kind="stable")
    bounds = np.searchsorted(columns.party[order], np.arange(len(fleet.parties) + 1))
    cases = []
    for number, case in enumerate(fleet.cases):
        rows = np.concatenate(
            [order[bounds[p] : bounds[p + 1]] for p in case.parties] or [np.zeros(0, np.int64)]
        )
        if len(rows) or not case.attack:  # a thief whom chance kept from asking anything was not there
            cases.append(_case(number, case, np.sort(rows), columns))
    return {
        "version": 1,
        "seed": seed,
        "size": size,
        "events": "events.jsonl.gz",
        "geoip": ["plan.mmdb"],
        "lists": lists,
        "start_ms": _ms(fleet.size.first_day * DAY),
        "end_ms": _ms((fleet.size.first_day + fleet.size.days) * DAY),
        "warm_up_days": WARM_UP_DAYS,
        "honey_keys": sorted(k for case in fleet.cases for k in case.plot.honey),
        "stopped_keys": {k: _ms(at) for case in fleet.cases for k, at in case.plot.stopped},
        "keys": dict(sorted(fleet.habits.items())),
        "cases": cases,
    }


def _case(number: int, case: Case, rows: Any, columns: Columns) -> dict[str, Any]:
    start = int(columns.ts[rows].min()) + START_MS if len(rows) else _ms(case.start)
    end = int(columns.ts[rows].max()) + START_MS if len(rows) else _ms(case.plot.end)
    return {
        "id": f"case-{number:04d}",
        "kind": case.kind,
        "class": "attack" if case.attack else "benign",
        "strength": case.strength,
        "keys": list(case.keys),
        "start_ms": start,
        "end_ms": end,
        "offsets": rows.tolist(),
    }


def _ms(minute: float) -> int:
    return START_MS + int(minute * MINUTE_MS)


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m sample_streams.corpus", description=__doc__)
    parser.add_argument("--seed", type=int, default=1, help="the same seed gives the same corpus")
    parser.add_argument("--size", choices=sorted(SIZES), default="small")
    parser.add_argument("--out", type=Path, required=True, help="folder to write")
    wanted = parser.parse_args()
    events = write(wanted.seed, wanted.size, wanted.out)
    print(f"{wanted.out}: {events} events")


if __name__ == "__main__":
    main()
