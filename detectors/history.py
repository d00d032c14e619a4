"""How rare a deviation is among the key's own: a histogram a statistic, and the shape of its tail.

Deviations are counted in bins of log2(u), a quarter octave each. P(at least u) is the share of the key's own
deviations, bins counted whole, down to about 2^-7 (less deep while few were seen). Beyond, the tail is
Weibull's through that point and the one at 2^-3, at least as heavy as an exponential one: bits grow with u
to a power of 0.4 to 1. Counts are halved once two weeks of ticks are in, so that a habit of a month ago is
forgotten and counts stay integers, the same in any batch.

Cost: 48 bytes a statistic; about 1 us a row and statistic. Sources: Weibull tails by two quantiles (Dubey,
1967); aging by halving as in frequency sketches (Einziger et al., 2017).
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from detectors.base import MAX_BITS, Bits
from domain.profile import TICK_BINS

Counts = npt.NDArray[np.uint16]
Mask = npt.NDArray[np.bool_]

EDGES: Final = 0.25 * 2.0 ** (np.arange(TICK_BINS - 1) / 4.0)
"""Where bins 1 and on begin; bin 0 holds what is smaller, and deviations to the other side."""
UNIT: Final = 8
"""What one deviation counts, so that single ones outlive three halvings."""
MOST_SEEN: Final = 2016
"""Two weeks of ten minutes: then counts are halved."""
SHALLOW_BITS: Final = 3.0
DEEP_BITS: Final = 7.0
LEAST_DEEP: Final = 3.0
"""No tail starts below three times the usual deviation: a clockwork's first slip is no proof."""
HEAVIEST: Final = 0.4
LIGHTEST: Final = 1.0
_LOG_EDGES: Final = np.log2(np.append(EDGES[0] / 2.0**0.25, EDGES))


def seen(counts: Counts) -> Bits:
    """How many deviations (n, k) there are in histograms (n, k, TICK_BINS), fading."""
    total: Bits = counts.sum(axis=-1, dtype=np.int64) / UNIT
    return total


def own_bits(counts: Counts, u: Bits) -> Bits:
    """-log2 P(at least ``u``) (n, k) by the key's ``counts`` (n, k, TICK_BINS); 0 for what is in bin 0."""
    reached = np.cumsum(counts[..., ::-1], axis=-1, dtype=np.int64)[..., ::-1] / UNIT
    total = reached[..., :1]
    surprise = -np.log2(np.minimum((reached + 0.5) / (total + 1.0), 1.0))
    most = np.minimum(DEEP_BITS, np.log2(total + 2.0) - 2.0)
    deep = np.maximum((surprise <= most).sum(axis=-1) - 1, 1)
    deep_bits = np.minimum(_at(surprise, deep), DEEP_BITS)
    least = np.maximum(np.minimum(SHALLOW_BITS, deep_bits - 1.0), 0.0)
    shallow = np.clip((surprise <= least[..., None]).sum(axis=-1) - 1, 0, deep - 1)
    start = np.maximum(_LOG_EDGES[deep], np.log2(LEAST_DEEP))
    width = start - np.minimum(_LOG_EDGES[shallow], start - 0.5)
    deep_bits = np.maximum(deep_bits, 0.3)
    shape = np.log2(deep_bits / np.maximum(_at(surprise, shallow), 0.25)) / width
    beyond = np.log2(np.maximum(u, EDGES[0])) - start
    tail = deep_bits * np.exp2(np.clip(shape, HEAVIEST, LIGHTEST) * beyond)
    bins = _bins(u)
    bits = np.where(beyond > 0, tail, np.minimum(_at(surprise, bins), deep_bits))
    return np.where(bins > 0, np.clip(bits, 0.0, MAX_BITS), 0.0)


def add(counts: Counts, u: Bits, known: Mask) -> Counts:
    """Histograms (n, k, TICK_BINS) with deviations ``u`` (n, k) where ``known`` (n, k)."""
    rows, columns = np.indices(u.shape)
    counts = counts.copy()
    counts[rows, columns, _bins(u)] += np.where(known, UNIT, 0).astype(np.uint16)
    full = counts.sum(axis=-1, dtype=np.int64) >= MOST_SEEN * UNIT
    counts[full] >>= 1
    return counts


def _bins(u: Bits) -> npt.NDArray[np.int64]:
    return np.searchsorted(EDGES, u, side="right")


def _at(values: npt.NDArray[Any], bins: npt.NDArray[np.int64]) -> npt.NDArray[Any]:
    return np.take_along_axis(values, bins[..., None], axis=-1)[..., 0]
