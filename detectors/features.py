"""What a window's requests do, as fourteen numbers that compare a key with itself."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from domain.profile import BEATS, FEATURES, OBJECT_BITS, WINDOW_CLIENT_SLOTS, WINDOW_NET_SLOTS, bits_set

Rows = npt.NDArray[np.void]
Matrix = npt.NDArray[np.float32]

NAMES: Final = (
    "requests",
    "bytes out a request",
    "bytes in a request",
    "latency",
    "refused or failed requests",
    "throttled requests",
    "server errors",
    "writes",
    "change of endpoint mix",
    "different endpoints",
    "unfamiliar clients",
    "unfamiliar networks",
    "different objects a request",
    "irregularity within the minute",
)
FLOORS: Final = np.array(
    [0.5, 0.5, 0.5, 0.5, 0.1, 0.1, 0.1, 0.1, 0.15, 0.35, 0.15, 0.15, 0.15, 0.5], np.float32
)
"""Least standard deviation of each feature, in its own unit: a key that never varied has not shown
that it cannot. Half an e-fold for sizes and rates, a tenth for shares."""
CLIP: Final = 8.0
MIN_REQUESTS: Final = 5
MIN_WINDOWS: Final = 60
PRIOR_WINDOWS: Final = 10.0
"""Weight of the floor in a key's own variance, in windows."""


def raw_features(windows: Rows, profiles: Rows) -> Matrix:
    """Features (n, FEATURES) in natural units: logs of sizes, shares in [0, 1]."""
    count = np.maximum(windows["count"], 1).astype(np.float64)
    status = windows["status"].astype(np.float64) / count[:, None]
    latency_ms = windows["latency_us"] / np.maximum(windows["latency_count"], 1) / 1000.0
    share = windows["endpoint"] / count[:, None]
    out = np.empty((len(windows), FEATURES), np.float32)
    out[:, 0] = np.log1p(windows["count"])
    out[:, 1] = np.log1p(windows["bytes_out"] / count)
    out[:, 2] = np.log1p(windows["bytes_in"] / count)
    out[:, 3] = np.log1p(latency_ms)
    out[:, 4] = status[:, 2] + status[:, 3] + status[:, 5]
    out[:, 5] = status[:, 4]
    out[:, 6] = status[:, 6]
    out[:, 7] = windows["writes"] / count
    out[:, 8] = divergence(share, profiles["endpoint_share"].astype(np.float64), count)
    out[:, 9] = np.log1p((windows["endpoint"] > 0).sum(axis=1))
    out[:, 10] = unfamiliar(windows, profiles, ("client", "client_count"), WINDOW_CLIENT_SLOTS)
    out[:, 11] = unfamiliar(windows, profiles, ("prefix", "net_count"), WINDOW_NET_SLOTS)
    out[:, 12] = np.minimum(objects(windows) / count, 1.0)
    out[:, 13] = irregularity(windows)
    return out


def objects(windows: Rows) -> npt.NDArray[np.float64]:
    """Distinct paths (n,) of each window by linear counting (Whang et al., 1990), within a few percent."""
    empty = OBJECT_BITS - bits_set(windows["object_sketch"])
    return -OBJECT_BITS * np.log(np.maximum(empty, 0.5) / OBJECT_BITS)


def irregularity(windows: Rows) -> npt.NDArray[np.float64]:
    """Index of dispersion (n,) of requests over the parts of the minute, at most 3.

    About 1 for requests that come by chance (Poisson), near 0 for a clockwork, above 1 for bursts.
    """
    beats = windows["beats"].astype(np.float64)
    mean = beats.mean(axis=1)
    spread = ((beats - mean[:, None]) ** 2).sum(axis=1) / (BEATS - 1)
    return np.minimum(spread / np.maximum(mean, 1e-9), 3.0)


def divergence(
    share: npt.NDArray[np.float64], usual: npt.NDArray[np.float64], count: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Jensen-Shannon divergence (bits, 0..1) of two mixes (n, bins), discounted for few requests.

    Lin (1991). A mix of ``count`` requests differs from its source by chance by about
    (bins used - 1) / (8 ln 2 count); that is taken off.
    """
    middle = (share + usual) / 2
    jensen = (_relative(share, middle) + _relative(usual, middle)) / 2
    chance = (np.maximum((usual > 0.01).sum(axis=1), 1) - 1) / (8 * np.log(2) * count)
    return np.maximum(jensen - chance, 0.0)


def _relative(p: npt.NDArray[np.float64], q: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    ratio = np.where(p > 0, p / np.where(q > 0, q, 1.0), 1.0)
    total: npt.NDArray[np.float64] = (p * np.log2(ratio)).sum(axis=1)
    return total


def unfamiliar(windows: Rows, profiles: Rows, names: tuple[str, str], slots: int) -> npt.NDArray[np.float64]:
    """Share of the window's requests whose value the profile does not hold."""
    value, weight = names
    counts = windows[weight].astype(np.float64)
    known = np.zeros(len(windows))
    usual, used = profiles[value], profiles[f"{value}_weight"] > 0
    filled = np.flatnonzero((counts > 0).any(axis=0))
    for j in filled[filled < slots].tolist():
        held = ((usual == windows[value][:, j : j + 1]) & used).any(axis=1)
        known += np.where(held, counts[:, j], 0.0)
    return 1.0 - known / np.maximum(counts.sum(axis=1), 1.0)


def ready(profiles: Rows, count: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """Windows with enough requests, of keys with enough windows, to be compared at all."""
    return (profiles["windows"] >= MIN_WINDOWS) & (count >= MIN_REQUESTS)


def deviation(profiles: Rows) -> Matrix:
    """Standard deviation (n, FEATURES) of each key's features, pulled to the floor while young."""
    own = np.maximum(profiles["feature_square"] - profiles["feature_mean"] ** 2, 0.0)
    seen = np.minimum(profiles["windows"], 200).astype(np.float32)[:, None]
    prior = np.float32(PRIOR_WINDOWS)
    spread: Matrix = np.sqrt((seen * own + prior * FLOORS**2) / (seen + prior)).astype(np.float32)
    return np.maximum(spread, FLOORS)


def normalised(raw: Matrix, profiles: Rows) -> Matrix:
    """Features as deviations (n, FEATURES) of the key from itself, clipped to +-8.

    The number of requests is left out (0): it is `volume`'s evidence, and would be counted twice.
    """
    z = (raw - profiles["feature_mean"]) / deviation(profiles)
    z[:, 0] = 0.0
    return np.clip(z, -CLIP, CLIP).astype(np.float32)
