r"""From raw bits to weights of evidence, and from a key's score to how rare such a day is.

Days of keys are counted by each detector's highest bits and by the highest score: of the fleet, of cohorts
(keys alike in hours, networks and rate) and of the key itself. Each level is mixed with the one above it as
with a prior of so many days (Beta-binomial), and the first with theory:

    P(detector d comes to b bits in a day):  theory 2^-(b - 4) <- fleet <- cohort <- key
    P(a day scores s):                       theory <- fleet, with an exponential tail <- key

Keys are very unlike: most never trouble a detector and a few do every day. So a key's own days weigh much
(a prior of one day): evidence is strong from a detector that has always been silent on this key, and weak
from one that cries often. A detector that cries often on this platform weighs little, and a key that is
noisy by nature is judged by its own noise and leaves the fleet's budget alone. Its days count for more bits
than they ever came to as well, half as much with each bit beyond: keys that burst at all burst higher one
day. An alert is made where the last line is at most the operator's budget, so that days that reach it are
as rare as asked for. Bins count whole, which is the careful side. Cost: about 30 us a claim, nothing per
request.
"""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from detectors.catalog import DETECTORS
from domain.profile import BITS_BINS, DETECTORS_MAX, KEY_SCORE_BINS, SCORE_BINS

Rows = npt.NDArray[np.void]
Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

THIEF_BITS: Final = 4.0
"""A day gives a detector about sixteen independent chances."""
BURST_BITS: Final = 8.5
"""The same of `volume`: honest keys burst."""
DETECTOR_PRIOR_DAYS: Final = 50.0
FLEET_PRIOR_DAYS: Final = 20_000.0
"""About half of the days that the worth of evidence was fitted to. A fleet of less history must not move the
tail: the same score would be rarer on one day than on the next, and attacks be ranked by when they came."""
COHORT_PRIOR_DAYS: Final = 50.0
KEY_DETECTOR_DAYS: Final = 1.0
KEY_PRIOR_DAYS: Final = 20.0
KEY_BIN: Final = 4.0
BITS_BIN: Final = 2.0
TAIL_SHARE: Final = 0.05
CENSORED_SHARE: Final = 0.005
"""Shares of the fleet's days between which the tail of its scores is fitted."""
SPEAKING_SHARE: Final = 0.2
THEORY_SCALE: Final = 4.0
"""Before there is history: the share of days with any evidence, and the scale of their scores."""
MOST_WEIGHT: Final = 24.0
CLAIM_BITS: Final = 8.0
"""From here on a day counts as one with evidence of a detector in a key's own history."""

READY_AFTER_DAYS: Final = {DETECTORS.index("slow_ramp"): 7, DETECTORS.index("off_hours"): 3}
"""Detectors that cannot speak of younger keys."""
_CHANCES: Final = {DETECTORS.index("volume"): BURST_BITS}
_READY_AFTER: Final = np.array([READY_AFTER_DAYS.get(d, 0) for d in range(DETECTORS_MAX)])

_REACHED: Final = np.append(1.0, SPEAKING_SHARE * np.exp(-np.arange(1, SCORE_BINS) / THEORY_SCALE))
_THEORY: Final = -np.diff(np.append(_REACHED, 0.0))
"""Share of days in each bin of scores by theory."""

DAY: Final = 2
WIDE_NETWORKS: Final = 3
BUSY_RATE: Final = 0.5
AWAKE: Final = 0.8
"""Share of the hours of the week in use from which a key works around the clock."""
QUIET: Final = 0.3
"""log2(1 + requests): an hour below it is silent."""


def weight_of(profile: np.void, fleet: np.void, detector: int, bits: float) -> float:
    """-log2 P(this detector comes to ``bits`` in an honest day of this key), 0 to 24."""
    days = fleet["bits_days"]
    at = _bin(bits, BITS_BIN, BITS_BINS)
    share = min(2.0 ** (_CHANCES.get(detector, THIEF_BITS) - bits), 1.0)
    share = _mixed(share, DETECTOR_PRIOR_DAYS, days[:, detector].sum(axis=0), at)
    share = _mixed(share, COHORT_PRIOR_DAYS, days[cohort_of(profile), detector], at)
    beyond = max(bits - float(profile["claim_top"][detector]) - BITS_BIN, 0.0)
    own = float(profile["claim_days"][detector]) * 2.0**-beyond
    known = max(
        float(profile["score_days"].astype(np.float64).sum()) - READY_AFTER_DAYS.get(detector, 0), 0.0
    )
    share = (KEY_DETECTOR_DAYS * share + min(own, known)) / (KEY_DETECTOR_DAYS + known)
    return min(max(-math.log2(share), 0.0), MOST_WEIGHT)


def p_value(profile: np.void, fleet: np.void, score: float) -> float:
    """P(an honest day of this key scores at least ``score``), in (0, 1]; falls as the score rises.

    The fleet's share of days comes from counts up to the score that one day in twenty reaches, and from an
    exponential tail beyond: few days reach the scores that alerts are made of, and single ones must not
    decide how those are ranked. The scale of the tail is the maximum likelihood of the days in it,
    censored at one day in 200, so that attacks in the history stretch it little.
    """
    share = _fleet_share(fleet["score_days"].sum(axis=0, dtype=np.float64), score)
    return _mixed(share, KEY_PRIOR_DAYS, profile["score_days"], _bin(score, KEY_BIN, KEY_SCORE_BINS))


def _fleet_share(days: Floats, score: float) -> float:
    """Share of honest days that score at least ``score``, by days (SCORE_BINS,) and theory."""
    beyond = np.append(np.cumsum((days + FLEET_PRIOR_DAYS * _THEORY)[::-1])[::-1], 0.0)
    share = beyond / beyond[0]
    start = int(np.flatnonzero(share <= TAIL_SHARE)[0])
    if score <= start or start >= SCORE_BINS - 2:
        score = min(score, SCORE_BINS - 1.0)
        at = int(max(score, 0.0))
        return float(share[at] * (share[at + 1] / share[at]) ** (max(score, 0.0) - at))
    end = min(max(int(np.flatnonzero(share > CENSORED_SHARE)[-1]) + 1, start + 2), SCORE_BINS)
    inside = -np.diff(beyond[start : end + 1])
    excess = float((inside * (np.arange(len(inside)) + 0.5)).sum() + beyond[end] * (end - start))
    scale = excess / float(inside.sum())
    return float(share[start]) * math.exp(-(score - start) / scale)


def _mixed(prior: float, weight: float, days: npt.NDArray[Any], at: int) -> float:
    counted = days.astype(np.float64)
    return float((weight * prior + counted[at:].sum()) / (weight + counted.sum()))


def _bin(value: float, width: float, bins: int) -> int:
    return int(min(max(value / width, 0.0), bins - 1))


def cohort_of(profiles: Any) -> Any:
    """0..7 for a row or rows (n,): 1 busy, 2 of several networks, 4 around the clock."""
    rate = profiles["rate_count"][..., DAY] / np.maximum(profiles["rate_minutes"][..., DAY], 1.0)
    wide = (profiles["prefix_weight"] > 0).sum(axis=-1) >= WIDE_NETWORKS
    seen = profiles["hour_weeks"] > 0
    awake = (seen & (profiles["hour_level"] > QUIET)).sum(axis=-1) >= AWAKE * np.maximum(seen.sum(axis=-1), 1)
    return (rate >= BUSY_RATE).astype(np.int64) + 2 * wide + 4 * awake


def add_key_days(profiles: Rows, scores: npt.NDArray[np.float32], bits: npt.NDArray[Any]) -> None:
    """Put days with highest scores (n,) and bits (n, DETECTORS_MAX) into each key's own history, in place."""
    at = np.clip(scores / KEY_BIN, 0, KEY_SCORE_BINS - 1).astype(np.int64)
    profiles["score_days"][np.arange(len(profiles)), at] += np.float16(1.0)
    profiles["claim_days"] += (bits >= CLAIM_BITS).astype(np.float16)
    profiles["claim_top"] = np.maximum(profiles["claim_top"], bits)


def add_fleet_scores(fleet: Rows, cohorts: Ints, scores: npt.NDArray[Any]) -> None:
    """Put days (n,) with their highest scores into the fleet's history, in place."""
    at = np.clip(scores, 0, SCORE_BINS - 1).astype(np.int64)
    np.add.at(fleet["score_days"][0], (cohorts, at), np.float32(1.0))


def add_fleet_bits(fleet: Rows, cohorts: Ints, bits: npt.NDArray[Any], age_days: npt.NDArray[Any]) -> None:
    """Put days (n,) with the detectors' highest bits (n, DETECTORS_MAX) into the fleet's history, in place.

    ``age_days`` (n,) of the keys: a day on which a detector was not ready yet says nothing of it.
    """
    bins = np.clip(bits / BITS_BIN, 0, BITS_BINS - 1).astype(np.int64)
    detectors = np.broadcast_to(np.arange(bits.shape[1]), bins.shape)
    ready = (age_days[:, None] >= _READY_AFTER[None, : bits.shape[1]]).astype(np.float32)
    np.add.at(fleet["bits_days"][0], (cohorts[:, None], detectors, bins), ready)
