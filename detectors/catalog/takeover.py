"""A key's usual networks fall silent while an unknown one uses it: it has moved to other hands.

Meaning: at least four fifths of a busy key's window come from networks it does not know; bits = -log2 of
the chance that its known networks were so quiet (negative binomial, lower tail), so only the *silence* is
counted here: the new network is `ip_shift`'s and `geo_shift`'s evidence.
Cost: about 3 us a window. Not ready for keys of fewer than 60 windows.
"""

from __future__ import annotations

from typing import ClassVar, Final

import numpy as np
from scipy.special import betainc

from detectors.base import Bits, Windows
from detectors.features import unfamiliar
from detectors.rates import rates_at
from detectors.surge import MIN_WINDOWS
from domain.finding import Evidence, Kind
from domain.profile import WINDOW_NET_SLOTS

HOUR: Final = 1
LEAST_SHARE: Final = 0.8
LEAST_REQUESTS: Final = 5
SHAPE: Final = 2.0
"""Gamma shape of a key's rate: quiet minutes are common, so that silence proves little for slow keys."""
MOST_BITS: Final = 14.0


class Takeover:
    """Scores closing windows."""

    name: ClassVar[str] = "takeover"
    kind: ClassVar[Kind] = Kind.BEHAVIOUR
    grows: ClassVar[bool] = False

    def score(self, windows: Windows) -> Bits:
        known, mean, share = _quiet(windows)
        tail = betainc(SHAPE, known + 1.0, SHAPE / (SHAPE + mean))
        bits = np.minimum(-np.log2(np.maximum(tail, 2.0**-MOST_BITS)), MOST_BITS)
        moved = (share >= LEAST_SHARE) & (windows.count * share >= LEAST_REQUESTS)
        ready = windows.profile["windows"] >= MIN_WINDOWS
        return np.where(ready, np.where(moved, np.maximum(bits, 0.0), 0.0), np.nan)

    def explain(self, windows: Windows, i: int) -> list[Evidence]:
        known, mean, share = _quiet(windows)
        return [
            Evidence(
                what="requests from the key's known networks in a minute",
                expected=f"about {mean[i]:.0f}",
                actual=f"{known[i]:.0f}, while {share[i]:.0%} come from unknown ones",
                bits=float(self.score(windows)[i]),
            )
        ]


def _quiet(windows: Windows) -> tuple[Bits, Bits, Bits]:
    """Requests (n,) from known networks, what they usually make a minute, and the share from unknown ones."""
    share = unfamiliar(windows.window, windows.profile, ("prefix", "net_count"), WINDOW_NET_SLOTS)
    requests, minutes, _ = rates_at(windows.profile, windows.minute)
    mean = requests[:, HOUR] / np.maximum(minutes[:, HOUR], 1.0)
    return np.round((1.0 - share) * windows.count), np.maximum(mean, 1e-9), share
