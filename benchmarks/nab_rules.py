"""The scoring rules of the Numenta Anomaly Benchmark, from its paper and documentation.

Lavin and Ahmad, "Evaluating Real-time Anomaly Detection Algorithms: the Numenta Anomaly Benchmark", ICMLA
2015; details the paper leaves open (the probationary cap, the distance of a late alarm) from
https://github.com/numenta/NAB/wiki. A detector gives every row a score in [0, 1] or any other order; one
threshold, the best over all files together, turns scores into alarms. Then

- the earliest alarm in a labelled window earns ``tp`` times a sigmoid of its place in the window: 1 at the
  left edge, 0 at the right; more alarms in the window change nothing;
- a window without an alarm costs ``fn``;
- an alarm outside costs ``fp`` times a sigmoid of its distance from the last window, -1 from three window
  lengths on or when there was no window before;
- rows of the probationary period (the first 15 %, at most 750) neither earn nor cost.

The sum is scaled so that a detector without alarms has 0 and a perfect one 100. A window that lies
wholly within the probation does not exist.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

PROBATION_SHARE: Final = 0.15
PROBATION_OF: Final = 5_000
"""Longer files have no longer probation than one of so many rows."""
OUTSIDE: Final = -1


@dataclass(frozen=True, slots=True)
class Profile:
    """What an alarm is worth to an application."""

    name: str
    tp: float
    fp: float
    fn: float


PROFILES: Final = (
    Profile("standard", 1.0, 0.11, 1.0),
    Profile("reward low FP", 1.0, 0.22, 1.0),
    Profile("reward low FN", 1.0, 0.11, 2.0),
)


@dataclass(frozen=True, slots=True)
class Scored:
    """A profile's result over a corpus: ``score`` is the normalised one, ``alarms`` those outside windows."""

    profile: str
    score: float
    threshold: float
    windows: int
    found: int
    alarms: int


def sigmoid(position: Floats) -> Floats:
    """The paper's scaled sigmoid: 1 far to the left of 0, -1 from 3 on to the right."""
    inside: Floats = 2.0 / (1.0 + np.exp(5.0 * np.minimum(position, 3.0))) - 1.0
    return np.where(position > 3.0, -1.0, inside)


def probation(rows: int) -> int:
    """Rows at the start that are not scored."""
    return int(min(PROBATION_SHARE * rows, PROBATION_SHARE * PROBATION_OF))


def worth(rows: int, windows: Sequence[tuple[int, int]]) -> tuple[Floats, npt.NDArray[np.int64]]:
    """What an alarm at each row is worth before weighting (rows,), and the window it lies in, or OUTSIDE.

    ``windows`` are (first, last) row numbers, in order, both included.
    """
    value = np.full(rows, -1.0)
    number = np.full(rows, OUTSIDE, np.int64)
    at = np.arange(rows, dtype=np.float64)
    best = float(sigmoid(np.array([-1.0]))[0])
    for i, (first, last) in enumerate(windows):
        width = last - first + 1
        value[first : last + 1] = sigmoid(-(last - at[first : last + 1] + 1) / width) / best
        number[first : last + 1] = i
        until = windows[i + 1][0] if i + 1 < len(windows) else rows
        value[last + 1 : until] = sigmoid((at[last + 1 : until] - last) / max(width - 1, 1))
    return value, number


@dataclass(frozen=True, slots=True)
class File:
    """A series' scores (rows,) and its labelled windows as (first, last) row numbers."""

    scores: Floats
    windows: Sequence[tuple[int, int]]


def score(files: Sequence[File], profile: Profile) -> Scored:
    """The corpus' score at the threshold that is best for the profile, one for all files."""
    threshold, gain, windows, found, alarms = _sweep(files, profile)
    best = int(np.argmax(gain))
    null, perfect = -profile.fn * windows, profile.tp * windows
    return Scored(
        profile=profile.name,
        score=100.0 * (float(gain[best]) - null) / (perfect - null) if windows else 0.0,
        threshold=float(threshold[best]),
        windows=windows,
        found=int(found[best]),
        alarms=int(alarms[best]),
    )


def _sweep(
    files: Sequence[File], profile: Profile
) -> tuple[Floats, Floats, int, npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """For every threshold from high to low: it, the raw score, windows that count, found ones, alarms."""
    scores, values, names = _points(files, profile)
    order = np.argsort(-scores, kind="stable")
    scores, values, names = scores[order], values[order], names[order]
    windows = len(np.unique(names[names != OUTSIDE]))
    gained = np.where(names == OUTSIDE, values, 0.0)
    first = np.zeros(len(names), bool)
    earned: dict[int, float] = {}
    for i in np.flatnonzero(names != OUTSIDE).tolist():
        had = earned.get(int(names[i]))
        first[i] = had is None
        gained[i] = max(values[i] - (-profile.fn if had is None else had), 0.0)
        earned[int(names[i])] = max(values[i], values[i] if had is None else had)
    last = np.append(scores[1:] != scores[:-1], True)  # equal scores pass a threshold together
    total = np.cumsum(gained)[last] - profile.fn * windows
    start = np.concatenate(([np.inf], scores[last]))
    raw = np.concatenate(([-profile.fn * windows], total))
    found = np.concatenate(([0], np.cumsum(first)[last]))
    alarms = np.concatenate(([0], np.cumsum(names == OUTSIDE)[last]))
    return start, raw, windows, found, alarms


def _points(files: Sequence[File], profile: Profile) -> tuple[Floats, Floats, npt.NDArray[np.int64]]:
    """Scores, weighted worth and window names of all rows that count."""
    scores, values, names, base = [], [], [], 0
    for file in files:
        value, number = worth(len(file.scores), file.windows)
        keep = slice(probation(len(file.scores)), None)
        inside = number != OUTSIDE
        weighted = np.where(inside, profile.tp * value, profile.fp * value)
        scores.append(file.scores[keep])
        values.append(weighted[keep])
        names.append(np.where(inside, number + base, OUTSIDE)[keep])
        base += len(file.windows)
    return np.concatenate(scores), np.concatenate(values), np.concatenate(names)
