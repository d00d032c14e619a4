"""A key's usual networks fall silent while an unknown one goes on with it: it has moved to other hands.

Meaning: bits = -log2 of the chance that the key's known networks were silent for so long (negative binomial
with shape 2 around what these hours lead to expect, so 2 log2(1 + expected / 2)), while at least four
fifths of this window come from networks it does not know. Only the *silence* is counted here: the new
network is `ip_shift`'s and `geo_shift`'s evidence. Silent for keys that always meet new networks. Cost:
about 3 us a window. Not ready for keys of fewer than 60 windows.
"""

from __future__ import annotations

from typing import ClassVar, Final

import numpy as np

from detectors.base import Bits, Windows
from detectors.features import unfamiliar
from detectors.novelty import settled
from detectors.rates import rates_at
from detectors.surge import MIN_WINDOWS
from domain.finding import Evidence, Kind
from domain.profile import NEVER, WINDOW_NET_SLOTS

WEEK: Final = 3
LEAST_SHARE: Final = 0.8
SHAPE: Final = 2.0
"""Gamma shape of a key's rate: quiet times are common, so that silence proves little for slow keys."""
MOST_BITS: Final = 14.0


class Takeover:
    """Scores closing windows."""

    name: ClassVar[str] = "takeover"
    kind: ClassVar[Kind] = Kind.BEHAVIOUR
    grows: ClassVar[bool] = False

    def score(self, windows: Windows) -> Bits:
        _, expected, share = _silence(windows)
        bits = np.minimum(SHAPE * np.log2(1.0 + expected / SHAPE), MOST_BITS)
        ready = (windows.profile["windows"] >= MIN_WINDOWS) & (windows.profile["last_home"] != NEVER)
        moved = (share >= LEAST_SHARE) & settled(windows.profile)
        return np.where(ready, np.where(moved, bits, 0.0), np.nan)

    def explain(self, windows: Windows, i: int) -> list[Evidence]:
        minutes, expected, share = _silence(windows)
        return [
            Evidence(
                what=f"requests from the key's known networks in {minutes[i]:.0f} minutes",
                expected=f"about {expected[i]:.0f}",
                actual=f"none, while {share[i]:.0%} of this minute's come from unknown ones",
                bits=float(self.score(windows)[i]),
            )
        ]


def _silence(windows: Windows) -> tuple[Bits, Bits, Bits]:
    """Minutes (n,) since a known network used the key, the requests it should have made, and the share of
    this window that comes from unknown ones."""
    profile = windows.profile
    share = unfamiliar(windows.window, profile, ("prefix", "net_count"), WINDOW_NET_SLOTS)
    minutes = np.maximum(windows.minute - profile["last_home"], 0).astype(np.float64)
    requests, seen, _ = rates_at(profile, windows.minute)
    mean = requests[:, WEEK] / np.maximum(seen[:, WEEK], 1.0)
    usual = np.minimum(mean, windows.hours.expected(highest=False))
    return minutes, usual * minutes, share
