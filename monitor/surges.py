"""Amounts of open windows that cross lines: which event carried them over.

Lines are ``least`` times powers of 1.25: fixed, so that an amount crosses each at the same event
however events are batched.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from detectors.base import MAX_BITS, SurgeDetector, Surges, one
from detectors.surge import surge_amounts
from domain.event import EnrichedColumns
from domain.profile import SURGES
from monitor.baseline.accumulate import Groups, is_refused
from monitor.baseline.partition import PartitionState
from monitor.claim import Claimed

STEP: Final = 1.25
Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class _Crossings:
    """Events (m,) that carried their group's amount over a line."""

    group: Ints
    row: Ints
    count: Ints
    amount: Floats


def surging(
    detectors: Sequence[SurgeDetector],
    part: PartitionState,
    events: EnrichedColumns,
    groups: Groups,
    evidence_bits: float,
) -> list[Claimed]:
    """Claims on open windows whose amounts crossed a line with these events."""
    if not len(groups.window):
        return []
    after = surge_amounts(part.windows.take(groups.window))
    claims: list[Claimed] = []
    for detector in detectors:
        amounts = after[:, SURGES.index(detector.measure)]
        hot = np.flatnonzero(amounts >= detector.least)
        if len(hot):
            crossed = _crossings(detector, events, groups, hot, amounts)
            claims += _claims(detector, part, events, groups, crossed, evidence_bits)
    return claims


def _added(events: EnrichedColumns, rows: Ints, measure: str) -> Floats:
    if measure == "refused":
        return is_refused(events.status[rows]).astype(np.float64)
    return np.maximum(events.bytes_out[rows], 0).astype(np.float64)


def _crossings(
    detector: SurgeDetector, events: EnrichedColumns, groups: Groups, hot: Ints, after: Floats
) -> _Crossings:
    found: list[tuple[Ints, Ints, Ints, Floats]] = []
    for group in hot.tolist():
        rows = groups.order[groups.start[group] : groups.start[group + 1]]
        added = np.cumsum(_added(events, rows, detector.measure))
        amount = after[group] - added[-1] + added
        lines = np.floor(np.log(np.maximum(amount, 1e-9) / detector.least) / np.log(STEP) + 1e-9)
        first = np.floor(np.log(max(after[group] - added[-1], 1e-9) / detector.least) / np.log(STEP) + 1e-9)
        over = (amount >= detector.least) & (lines > np.concatenate(([first], lines[:-1])))
        at = np.flatnonzero(over)
        found.append((np.full(len(at), group), rows[at], groups.before[group] + at + 1, amount[at]))
    group_of, row, count, amounts = (np.concatenate(column) for column in zip(*found, strict=True))
    return _Crossings(group_of, row, count, amounts)


def _claims(
    detector: SurgeDetector,
    part: PartitionState,
    events: EnrichedColumns,
    groups: Groups,
    crossed: _Crossings,
    evidence_bits: float,
) -> list[Claimed]:
    slot, window = groups.slot[crossed.group], groups.window[crossed.group]
    minute = part.windows["minute"][window].astype(np.int64)
    surges = Surges(part.profiles.take(slot), part.fleet[0], minute, crossed.count, crossed.amount)
    bits = detector.score(surges)
    return [
        Claimed(
            offset=int(events.offset[crossed.row[i]]),
            detector=detector.name,
            kind=detector.kind,
            slot=int(slot[i]),
            window=int(window[i]),
            minute=int(minute[i]),
            bits=min(float(bits[i]), MAX_BITS),
            row=int(crossed.row[i]),
            explain=lambda i=i: detector.explain(one(surges, i), 0),  # type: ignore[misc]
        )
        for i in np.flatnonzero(bits >= evidence_bits).tolist()
    ]
