"""What a peer is: columns in, alerts with scores out, to be counted as keywatch's own are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from benchmarks.peers.stream import Floats, Ints, Stream
from benchmarks.peers.windows import Table
from monitor.evaluation.run import Raised

HOUR: Final = "an hour"
TABLES: Final = {"ten minutes": 10, HOUR: 60}
"""Lengths of windows in minutes."""
KEPT: Final = 0.05
"""Share of a corpus' windows that are kept as alerts to sweep over: the highest ones."""


@dataclass(frozen=True, slots=True)
class Input:
    """A corpus for peers: its events, and its windows by their length (a name of TABLES)."""

    stream: Stream
    windows: dict[str, Table]


@dataclass(frozen=True, slots=True)
class Peer:
    """``name`` may end with a variant in brackets: the best one of a peer counts. ``run`` gives scored
    alerts in order of offset. ``at`` is the score of the peer's own published threshold, if it has one.
    ``sampled``: it runs on the attacked keys and some of the honest ones."""

    name: str
    run: Callable[[Input], list[Raised]]
    at: float | None = None
    sampled: bool = False


def at_events(stream: Stream, rows: Ints, scores: Floats, detector: str) -> list[Raised]:
    """Alerts at the events that made them."""
    return [
        Raised(stream.key_ids[key], offset, at, detector, score, 1)
        for key, offset, at, score in zip(
            stream.key[rows].tolist(),
            rows.tolist(),
            stream.watermark[rows].tolist(),
            scores.tolist(),
            strict=True,
        )
    ]


def at_close(stream: Stream, windows: Table, scores: Floats, detector: str) -> list[Raised]:
    """Alerts when windows close; only the highest scores, of keys with a past."""
    scores = np.where(windows.past >= 10, scores, -np.inf)
    rows = np.flatnonzero(scores >= np.quantile(scores, 1 - KEPT))
    rows = rows[np.isfinite(scores[rows])]
    offset, at = stream.closing(windows.end_ms[rows])
    order = np.argsort(offset, kind="stable")
    return [
        Raised(stream.key_ids[key], place, moment, detector, score, 1)
        for key, place, moment, score in zip(
            windows.key[rows][order].tolist(),
            offset[order].tolist(),
            at[order].tolist(),
            scores[rows][order].tolist(),
            strict=True,
        )
    ]
