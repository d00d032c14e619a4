"""A key makes more requests than it ever would, at once or by and by; or suddenly far fewer.

Meaning: bits = -log2 P(at least so many requests), at one minute, ten minutes and an hour, whichever
surprises most. Counts are negative binomial around the highest of what the key's recent rates and its
own hours of the week lead to expect; the spread is the key's own. A share of 2^-16 of minutes may be
bursts of any size (tail (3 mu + 20)^2 / k^2), so that no model's light tail makes certainty out of a
campaign. The hour is judged against the week alone: that is what shows a slow ramp.

Cost: about 3 us a window. Sources: gamma-Poisson model (Greenwood & Yule, 1920); the practical floor is
OpenSearch's ThresholdType (ignore within a ratio and a number of what was expected).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final

import numpy as np
import numpy.typing as npt
from scipy.special import betainc

from detectors.base import MAX_BITS, Bits, Windows
from detectors.rates import HORIZONS, rates_at
from domain.finding import Evidence, Kind

TEN_MIN, HOUR, DAY, WEEK = range(4)
MIN_RATIO: Final = 3.0
MIN_EXTRA: Final = 20.0
"""A rise below three times or twenty requests is nobody's incident."""
BURST_BITS: Final = 16.0
PRIOR_MIN: Final = 10.0
"""Minutes of the cohort's usual rate that a key starts with."""
COLD_WINDOWS: Final = 30
SETTLED_MIN: Final = 720.0
"""Minutes (half a day, decayed) before ten minutes and hours are compared with the week."""
MAX_SIZE: Final = 4.0
"""No key is taken to be steadier than a gamma of shape 4: at most a factor 2 within its usual range."""
MIN_SIZE: Final = 0.15
DROP_RATIO: Final = 5.0
DROP_FLOOR: Final = 60.0
DROP_CAP_BITS: Final = 14.0
"""A drop is worth knowing and proves nothing."""


@dataclass(frozen=True, slots=True)
class Expectation:
    """Means and gamma shapes (n,) of one horizon, and the requests counted in it."""

    label: str
    mean: Bits
    size: Bits
    actual: Bits
    ready: npt.NDArray[np.bool_]

    def bits(self) -> Bits:
        """-log2 of the tail, 0 where the rise is below the practical floor or nothing can be said."""
        above = (self.actual >= MIN_RATIO * self.mean) & (self.actual >= self.mean + MIN_EXTRA)
        out, rows = np.zeros(len(self.actual)), np.flatnonzero(above & self.ready)
        if len(rows):
            mean, size, actual = self.mean[rows], self.size[rows], np.maximum(self.actual[rows], 1.0)
            tail = betainc(actual, size, mean / (mean + size))
            burst = 2.0**-BURST_BITS * np.minimum(((MIN_RATIO * mean + MIN_EXTRA) / actual) ** 2, 1.0)
            out[rows] = np.maximum(-np.log2(np.maximum(tail + burst, 2.0**-MAX_BITS)), 0.0)
        return out


class Volume:
    """Scores open and closing windows; a cold key is judged as its cohort, and with a wide spread."""

    name: ClassVar[str] = "volume"
    kind: ClassVar[Kind] = Kind.VOLUME
    grows: ClassVar[bool] = True

    def score(self, windows: Windows) -> Bits:
        bits = np.zeros(len(windows))
        for expectation in expectations(windows):
            bits = np.maximum(bits, expectation.bits())
        if windows.closing:
            bits = np.maximum(bits, drop_bits(windows))
        known = (windows.profile["windows"] >= COLD_WINDOWS) | (float(windows.fleet["log_rate_n"]) >= 50)
        return np.where(known, bits, np.nan)

    def explain(self, windows: Windows, i: int) -> list[Evidence]:
        lines = []
        for e in expectations(windows):
            expected = f"about {e.mean[i]:.0f}, seldom over {_seldom_over(e.mean[i], e.size[i]):.0f}"
            what, actual = f"requests in {e.label}", f"{e.actual[i]:.0f}"
            lines.append(Evidence(what=what, expected=expected, actual=actual, bits=float(e.bits()[i])))
        if windows.closing:
            lines.append(_drop_evidence(windows, i))
        return sorted((line for line in lines if line.bits > 0), key=lambda line: -line.bits) or lines[:1]


def expectations(windows: Windows) -> list[Expectation]:
    """What the minute, the ten minutes and the hour should hold, and what they hold."""
    profile, count = windows.profile, windows.count.astype(np.float64)
    requests, minutes, square = rates_at(profile, windows.minute)
    cohort, spread = _cohort(windows)
    means = (requests + cohort * PRIOR_MIN) / (minutes + PRIOR_MIN)
    season = windows.hours.expected(highest=True)
    size = _size(requests, minutes, square, profile["windows"] < COLD_WINDOWS)
    minute_mean = np.maximum(np.maximum(means[:, HOUR], means[:, DAY]), np.maximum(means[:, WEEK], season))
    cold = profile["windows"] < COLD_WINDOWS
    minute_mean = np.where(cold, np.maximum(minute_mean, cohort * spread), minute_mean)
    reference = np.maximum(means[:, WEEK], season)
    settled = minutes[:, WEEK] >= SETTLED_MIN
    every = np.ones(len(windows), bool)
    out = [Expectation("one minute", minute_mean, size, count, every)]
    for label, h in (("ten minutes", TEN_MIN), ("an hour", HOUR)):
        # neighbouring minutes go together, so shapes add up slower than minutes do
        wide = np.minimum(size * np.sqrt(HORIZONS[h]), 8.0)
        out.append(Expectation(label, reference * HORIZONS[h], wide, requests[:, h] + count, settled))
    return out


def _cohort(windows: Windows) -> tuple[float, float]:
    """Typical requests an active minute of the fleet, and the factor of two standard deviations."""
    n = float(windows.fleet["log_rate_n"])
    if n < 1:
        return 1.0, 8.0
    mean = float(windows.fleet["log_rate_sum"]) / n
    variance = max(float(windows.fleet["log_rate_square"]) / n - mean * mean, 0.25)
    return float(np.expm1(mean)), float(np.exp(2 * np.sqrt(variance)))


def _size(requests: Bits, minutes: Bits, square: Bits, cold: npt.NDArray[np.bool_]) -> Bits:
    """Gamma shape from the day's variance a minute: small for keys that burst."""
    seen = np.maximum(minutes[:, DAY], 1.0)
    mean = requests[:, DAY] / seen
    variance = np.maximum(square[:, DAY] / seen - mean * mean, 0.0)
    excess = np.maximum(variance - mean, mean * mean / MAX_SIZE)
    size = np.clip(mean * mean / np.maximum(excess, 1e-9), MIN_SIZE, MAX_SIZE)
    return np.where(cold, 0.5, size)


def drop_bits(windows: Windows) -> Bits:
    """-log2 P(at most so few requests in the trailing hour), capped; for keys known a day and busy."""
    mean, size, actual = _drop(windows)
    settled = rates_at(windows.profile, windows.minute)[1][:, WEEK] >= 2 * SETTLED_MIN
    out = np.zeros(len(mean))
    rows = np.flatnonzero((mean >= DROP_FLOOR) & (actual * DROP_RATIO <= mean) & settled)
    if len(rows):
        tail = betainc(size[rows], actual[rows] + 1.0, size[rows] / (mean[rows] + size[rows]))
        out[rows] = np.clip(-np.log2(np.maximum(tail, 2.0**-MAX_BITS)), 0.0, DROP_CAP_BITS)
    return out


def _drop(windows: Windows) -> tuple[Bits, Bits, Bits]:
    requests, minutes, square = rates_at(windows.profile, windows.minute)
    season = windows.hours.expected(highest=False)
    mean = np.minimum(requests[:, WEEK] / np.maximum(minutes[:, WEEK], 1.0), season) * HORIZONS[HOUR]
    size = np.minimum(_size(requests, minutes, square, np.zeros(len(mean), bool)) * 8.0, 8.0)
    return np.maximum(mean, 1e-9), size, requests[:, HOUR] + windows.count


def _drop_evidence(windows: Windows, i: int) -> Evidence:
    mean, _, actual = _drop(windows)
    return Evidence(
        what="requests in an hour",
        expected=f"at least {mean[i] / DROP_RATIO:.0f} of the usual {mean[i]:.0f}",
        actual=f"{actual[i]:.0f}",
        bits=float(drop_bits(windows)[i]),
    )


def _seldom_over(mean: float, size: float) -> float:
    """About the 99 % point of the negative binomial, by mean and standard deviation (Cantelli)."""
    return float(mean + 3.0 * np.sqrt(mean + mean * mean / size))
