"""What the keys of a partition have in common goes with them: in proportion, once, whatever breaks off.

All new fleet rows are written beside the ones in use first; a mark then says that they are complete, and
each takes its place in one step. Broken off before the mark all are computed anew, after it the rest follow.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
import numpy.typing as npt

from domain.profile import FLEET_DTYPE, SCHEMA_VERSION
from monitor.baseline.migrate import row_of
from monitor.checkpoint.base import NO_OFFSET, Commit
from monitor.migration.hold import Hold

Rows = npt.NDArray[np.void]

NEXT: Final = "fleet_next"
GRAIN: Final = 2.0**20
"""Sums of logarithms are multiples of its inverse."""


def shared_out(fleets: Mapping[int, bytes], flows: Mapping[tuple[int, int], int]) -> dict[int, bytes]:
    """New fleet rows. ``flows``: (from, to) -> keys, those that stay included."""
    total: dict[int, int] = {}
    for (source, _), keys in flows.items():
        total[source] = total.get(source, 0) + keys
    shares: dict[int, list[tuple[Rows, float]]] = {}
    for (source, target), keys in sorted(flows.items()):
        if source in fleets and keys:
            row = np.array([row_of(fleets[source], FLEET_DTYPE)], FLEET_DTYPE)
            shares.setdefault(target, []).append((row, keys / total[source]))
    return {target: _sum(parts).tobytes() for target, parts in shares.items()}


def _sum(parts: list[tuple[Rows, float]]) -> Rows:
    """Numbers of a time are the latest, all others add up: counts, or sums that fade."""
    out = np.zeros(1, FLEET_DTYPE)
    for name in FLEET_DTYPE.names or ():
        if name.endswith(("_minute", "_day")):
            out[name] = max(row[name][0] for row, _ in parts)
            continue
        whole = sum(row[name][0].astype(np.float64) * share for row, share in parts)
        if name.startswith("log_rate_"):
            whole = np.rint(whole * GRAIN) / GRAIN
        out[name] = np.rint(whole) if FLEET_DTYPE[name].base.kind in "iu" else whole
    out["version"] = SCHEMA_VERSION
    return out


def lay_by(hold: Hold, fleet: bytes) -> None:
    """Write a new row beside the one in use."""
    while not hold.write(Commit(b"", b"", NO_OFFSET, meta={NEXT: fleet})):
        hold.take()


def put_in_place(hold: Hold) -> None:
    """Use what was laid by, if anything."""
    while fleet := hold.meta.get(NEXT):
        if hold.write(Commit(b"", b"", NO_OFFSET, meta={"fleet": fleet, NEXT: b""})):
            return
        hold.take()
