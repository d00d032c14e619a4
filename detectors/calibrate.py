r"""From raw bits to weights of evidence, and from a key's score to how rare such a day is.

Two histories are kept in the fleet's row, in days of keys: the highest bits of each detector, and the
highest score. A third is the key's own. What they say is mixed with what theory says, as by a prior of so
many days (Beta-binomial; Laplace's rule of succession is the case of two):

    P(detector d comes to b bits in a day)  = (N0 2^-(b - 4) + days with b or more) / (N0 + days)
    P(a day scores s), fleet or cohort      = (N1 2^-(s / 2) + days with s or more) / (N1 + days)
    P(a day scores s), this key             = (N2 P(cohort)  + its days with s or more) / (N2 + its days)

A detector that cries often on this platform weighs little here; a key that is noisy by nature is judged
by its own noise and leaves the fleet's budget alone. An alert is made where the last is at most the
operator's budget, so days that reach it are as rare as asked for. Bins count whole, which is the careful
side. Cost: about 1 us a call on a row, nothing per request.
"""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from domain.profile import BITS_BINS, KEY_SCORE_BINS, SCORE_BINS

Rows = npt.NDArray[np.void]
Ints = npt.NDArray[np.int64]

THIEF_BITS: Final = 4.0
"""A day gives a detector about sixteen independent chances; a thief gives its evidence in one of sixteen."""
DETECTOR_PRIOR_DAYS: Final = 500.0
FLEET_PRIOR_DAYS: Final = 200.0
COHORT_PRIOR_DAYS: Final = 400.0
KEY_PRIOR_DAYS: Final = 20.0
KEY_BIN: Final = 4.0
BITS_BIN: Final = 2.0

DAY: Final = 2
WIDE_NETWORKS: Final = 3
BUSY_RATE: Final = 0.5


def weight_of(fleet: np.void, detector: int, bits: float) -> float:
    """-log2 P(this detector comes to ``bits`` in an honest key's day): between 0 and ``bits``."""
    days = fleet["bits_days"][detector]
    above = float(days[_bin(bits, BITS_BIN, BITS_BINS) :].sum())
    prior = DETECTOR_PRIOR_DAYS * min(2.0 ** (THIEF_BITS - bits), 1.0)
    share = (prior + above) / (DETECTOR_PRIOR_DAYS + float(days.sum()))
    return min(max(-math.log2(share), 0.0), bits)


def p_value(profile: np.void, fleet: np.void, score: float) -> float:
    """P(an honest day of this key scores at least ``score``), in (0, 1]."""
    days = fleet["score_days"]
    at = _bin(score, 1.0, SCORE_BINS)
    share = min(2.0 ** (-score / 2), 1.0)
    share = _mixed(share, FLEET_PRIOR_DAYS, days.sum(axis=0), at)
    share = _mixed(share, COHORT_PRIOR_DAYS, days[cohort_of(profile)], at)
    return _mixed(share, KEY_PRIOR_DAYS, profile["score_days"], _bin(score, KEY_BIN, KEY_SCORE_BINS))


def _mixed(prior: float, weight: float, days: npt.NDArray[Any], at: int) -> float:
    counted = days.astype(np.float64)
    return float((weight * prior + counted[at:].sum()) / (weight + counted.sum()))


def _bin(value: float, width: float, bins: int) -> int:
    return int(min(max(value / width, 0.0), bins - 1))


def cohort_of(profiles: Any) -> Any:
    """0..3 for a row or rows (n,): busy keys odd, keys of several networks from 2 on."""
    rate = profiles["rate_count"][..., DAY] / np.maximum(profiles["rate_minutes"][..., DAY], 1.0)
    wide = (profiles["prefix_weight"] > 0).sum(axis=-1) >= WIDE_NETWORKS
    return (rate >= BUSY_RATE).astype(np.int64) + 2 * wide


def add_key_days(profiles: Rows, scores: npt.NDArray[np.float32]) -> None:
    """Put a day with the highest score (n,) into each key's own history, in place."""
    at = np.clip(scores / KEY_BIN, 0, KEY_SCORE_BINS - 1).astype(np.int64)
    profiles["score_days"][np.arange(len(profiles)), at] += np.float16(1.0)


def add_fleet_days(fleet: Rows, cohorts: Ints, scores: npt.NDArray[Any], bits: npt.NDArray[Any]) -> None:
    """Put days (n,) with their scores and detectors' bits (n, DETECTORS_MAX) into the fleet's, in place."""
    at = np.clip(scores, 0, SCORE_BINS - 1).astype(np.int64)
    np.add.at(fleet["score_days"][0], (cohorts, at), np.float32(1.0))
    bins = np.clip(bits / BITS_BIN, 0, BITS_BINS - 1).astype(np.int64)
    detectors = np.broadcast_to(np.arange(bits.shape[1]), bins.shape)
    np.add.at(fleet["bits_days"][0], (detectors, bins), np.float32(1.0))
