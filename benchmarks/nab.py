"""``volume`` and ``pattern`` on the Numenta Anomaly Benchmark: ``python -m benchmarks.nab FOLDER``.

FOLDER holds ``data/**.csv`` and ``windows.json`` (labelled windows a file). A series is taken as a key whose
requests are its values: a value is spread over the minutes since the row before, scaled so that the median
of the first 15 % (NAB's probation, which is never scored) is ``TYPICAL`` requests a minute, and every minute
is scored and then taught exactly as the daemon does it. A row's score is the highest of its minutes' bits;
as alarms of a day are one incident, a repeat counts only if it exceeds the last, which fades by e in a day.
One setting for all files, one pass, no labels: they are read only by the scorer (``benchmarks.nab_rules``,
after Lavin & Ahmad 2015), which as in NAB's protocol chooses one threshold for all files. Beside it in the
same run NAB's own windowed Gaussian. See docs/nab.md.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from benchmarks.nab_data import Series, load
from benchmarks.nab_rules import PROFILES, File, probation, score
from benchmarks.windowed_gaussian import windowed_gaussian
from detectors.base import WindowDetector, Windows
from detectors.catalog.pattern import Pattern
from detectors.catalog.volume import Volume
from detectors.features import raw_features
from domain.profile import FLEET_DTYPE, WINDOW_DTYPE, WINDOW_MS, new_profiles
from monitor.baseline.teach import count_window, teach
from monitor.baseline.ticks import count_ticks

TYPICAL: Final = 3_000.0
"""Requests a minute that a series' usual value stands for: so many that counting adds no noise."""
MOST: Final = 2**31 // 60
DAY_MIN: Final = 1440.0
MOST_SPREAD: Final = 60
"""A row after a hole in the data is spread over an hour at the most."""
WEEK: Final = 7 * 1440
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Minutes:
    """A series as requests: ``minute`` (m,) moved by whole weeks, ``count`` (m,), ``row`` (m,) it is of."""

    minute: npt.NDArray[np.int64]
    count: npt.NDArray[np.uint32]
    row: npt.NDArray[np.int64]


def as_requests(series: Series) -> Minutes:
    """The series' values as requests a minute; what is negative is none."""
    start = int(series.minute[0]) // WEEK * WEEK
    gaps = np.diff(series.minute, prepend=series.minute[0] - _step(series))
    spread = np.clip(gaps, 1, MOST_SPREAD)
    row = np.repeat(np.arange(len(spread)), spread)
    back = np.concatenate([np.arange(n - 1, -1, -1) for n in spread.tolist()])
    first = np.abs(series.value[: probation(len(series.value))])
    level = np.median(first) or first.mean() or 1.0
    count = np.round(np.clip(series.value / level * TYPICAL, 0.0, MOST)).astype(np.uint32)
    return Minutes(series.minute[row] - back - start + WEEK, count[row], row)


def _step(series: Series) -> int:
    return int(np.median(np.diff(series.minute)))


def shipped_scores(
    all_series: Sequence[Series], detectors: Sequence[WindowDetector]
) -> dict[str, list[Floats]]:
    """Detector -> bits (rows,) of each series, all series side by side."""
    given = [as_requests(series) for series in all_series]
    scores = {d.name: [np.zeros(len(series.value)) for series in all_series] for d in detectors}
    profiles, fleet = new_profiles(len(given)), np.zeros(1, FLEET_DTYPE)
    at = np.zeros(len(given), np.int64)
    ends = np.array([len(g.minute) for g in given])
    for minute in range(min(int(g.minute[0]) for g in given), max(int(g.minute[-1]) for g in given) + 1):
        due = [s for s, g in enumerate(given) if at[s] < ends[s] and int(g.minute[at[s]]) <= minute]
        due = [s for s in due if given[s].count[at[s]] > 0 or _passed(at, s)]
        if not due:
            continue
        windows = np.zeros(len(due), WINDOW_DTYPE)
        windows["minute"] = minute
        windows["count"] = [given[s].count[at[s]] for s in due]
        windows["first_ms"] = windows["last_ms"] = minute * WINDOW_MS
        rows = profiles[due]
        counts = windows["count"].astype(np.int64)
        columns = Windows(rows, windows, fleet[0], windows["minute"].astype(np.int64), counts, closing=True)
        for detector in detectors:
            for s, found in zip(due, np.nan_to_num(detector.score(columns)).tolist(), strict=True):
                row, mine = given[s].row[at[s]], scores[detector.name][s]
                mine[row] = max(mine[row], found)
        count_window(rows, windows)
        count_ticks(rows, windows, minute, np.zeros(len(due), bool))
        teach(rows, windows, raw_features(windows, rows), fleet, minute)
        profiles[due] = rows
        at[due] += 1
    return scores


def _passed(at: npt.NDArray[np.int64], s: int) -> bool:
    """A minute without requests has no window: it is passed over, as in the daemon."""
    at[s] += 1
    return False


def incidents(minute: npt.NDArray[np.int64], bits: Floats) -> Floats:
    """Bits (rows,) of what begins an incident or makes it graver, 0 for repeats."""
    out, last, at = np.zeros(len(bits)), 0.0, int(minute[0])
    for i in np.flatnonzero(bits > 0).tolist():
        last, at = last * float(np.exp(-(int(minute[i]) - at) / DAY_MIN)), int(minute[i])
        if bits[i] > last:
            out[i] = last = float(bits[i])
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("folder", type=Path, help="a NAB data set: data/**.csv and windows.json")
    series = load(parser.parse_args().folder)
    found = shipped_scores(series, (Volume(), Pattern()))
    contestants = {
        f"keywatch {name}": [incidents(s.minute, bits) for s, bits in zip(series, scores, strict=True)]
        for name, scores in found.items()
    }
    contestants["windowed Gaussian"] = [windowed_gaussian(s.value) for s in series]
    for name, scores in contestants.items():
        files = [File(found, s.windows) for found, s in zip(scores, series, strict=True)]
        for profile in PROFILES:
            r = score(files, profile)
            print(
                f"{name:18} {r.profile:16} {r.score:6.2f}   found {r.found} of {r.windows}, "
                f"{r.alarms} alarms outside, threshold {r.threshold:.2f}"
            )


if __name__ == "__main__":
    main()
