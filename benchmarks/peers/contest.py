"""Every contestant on the same corpora, its threshold swept to the same false alert rate."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np

from benchmarks.peers import learners, sigma, travel
from benchmarks.peers.base import TABLES, Input, Peer
from benchmarks.peers.stream import Stream, read_stream
from benchmarks.peers.windows import table
from monitor.evaluation.report import ALL, recalls
from monitor.evaluation.run import Played
from monitor.evaluation.sweep import at_threshold, sweep

OURS: Final = "keywatch"
SIGMA: Final = "3 sigma, new country"
CERTAIN_KINDS: Final = ("honey key touched", "revoked key used")
"""Found by a list of key ids, not by statistics: left out of the comparison's total."""


@dataclass(slots=True)
class Entry:
    """A contestant: its alerts on every corpus, and the seconds they took."""

    name: str
    played: list[Played] = field(default_factory=list)
    at: float | None = None
    seconds: float = 0.0
    events: int = 0


def cpu_seconds() -> float:
    """Processor time of this process and of those it has waited for: what a busy machine does not change."""
    return sum(os.times()[:4])


def inputs(stream: Stream) -> Input:
    """What peers get of a corpus."""
    return Input(stream, {label: table(stream, minutes) for label, minutes in TABLES.items()})


def contestants() -> list[Peer]:
    """All peers but for keywatch; the naive rule once for every worth of a new country."""
    naive = [Peer(f"{SIGMA} ({c:g})", sigma.three_sigma(c), at=3.0) for c in sigma.COUNTRY_SIGMAS]
    return [*naive, *travel.peers(), *learners.peers()]


def contest(
    folders: Sequence[Path],
    played: list[Played],
    seconds: float,
    rate: float,
    honest: int,
    only: set[str] | None = None,
) -> dict[str, Any]:
    """keywatch's replays of the corpora, which took ``seconds``, beside all peers (or ``only`` some)."""
    entries = {OURS: Entry(OURS, played, None, seconds, sum(corpus.events for corpus in played))}
    for folder in folders:
        given = inputs(read_stream(folder))
        for peer in contestants():
            if not only or peer.name.partition(" (")[0] in only:
                print(f"{folder.name}: {peer.name}", file=sys.stderr)
                enter(entries, peer, given, honest)
    return compare(list(entries.values()), rate)


def enter(entries: dict[str, Entry], peer: Peer, given: Input, honest: int) -> None:
    """Run a peer on a corpus and keep what it raised."""
    keys = learners.sample(given, honest) if peer.sampled else None
    mine = given if keys is None else inputs(only(given.stream, keys))
    began = cpu_seconds()
    raised = peer.run(mine)
    entry = entries.setdefault(peer.name, Entry(peer.name, at=peer.at))
    entry.seconds += cpu_seconds() - began
    entry.events += len(mine.stream)
    entry.played.append(Played(mine.stream.name, mine.stream.labels, raised, len(mine.stream)))


def only(stream: Stream, keys: set[str]) -> Stream:
    """The stream of some keys, as if there were no others: events and offsets are counted anew."""
    kept = np.array([key_id in keys for key_id in stream.key_ids])
    rows, labels = np.flatnonzero(kept[stream.key]), stream.labels
    cases = [
        msgspec.structs.replace(case, offsets=np.searchsorted(rows, case.offsets).tolist())
        for case in labels.cases
        if keys.issuperset(case.keys)
    ]
    habits = {key_id: habit for key_id, habit in labels.keys.items() if key_id in keys}
    return Stream(
        stream.name,
        msgspec.structs.replace(labels, cases=cases, keys=habits),
        [key_id for key_id in stream.key_ids if key_id in keys],
        (np.cumsum(kept) - 1)[stream.key[rows]],
        {name: values[rows] for name, values in stream.column.items()},
        stream.watermark[rows],
    )


def compare(entries: Sequence[Entry], rate: float) -> dict[str, Any]:
    """Recall by kind of every contestant at ``rate`` false alerts per 1,000 key-days."""
    rows = [_compared(entry, rate) for entry in entries]
    best: dict[str, dict[str, Any]] = {}
    for row in sorted(rows, key=lambda row: row["total"]):
        best[row["name"].partition(" (")[0]] = row
    ranked = sorted(best.values(), key=lambda row: -row["total"])
    return {"rate": rate, "apart": list(CERTAIN_KINDS), "contestants": ranked}


def _compared(entry: Entry, rate: float) -> dict[str, Any]:
    point = sweep(entry.played, [rate])[0]
    by_kind = {
        row["kind"]: [row["found"], row["of"]]
        for row in recalls(point.tally.verdicts)
        if row["strength"] == "all" and row["kind"] != ALL
    }
    fair = [counts for kind, counts in by_kind.items() if kind not in CERTAIN_KINDS]
    return {
        "name": entry.name,
        "threshold": point.threshold if np.isfinite(point.threshold) else None,
        "reached": point.tally.false_rate(),
        "recall": by_kind,
        "total": sum(f for f, _ in fair) / max(sum(of for _, of in fair), 1),
        "published": _published(entry),
        "us_an_event": 1e6 * entry.seconds / max(entry.events, 1),
    }


def _published(entry: Entry) -> dict[str, float] | None:
    """What it does at its own threshold."""
    if entry.at is None:
        return None
    found = at_threshold(entry.played, entry.at)
    fair = [v for v in found.verdicts if v.case.kind not in CERTAIN_KINDS]
    return {"recall": sum(v.found for v in fair) / max(len(fair), 1), "rate": found.false_rate()}
