"""A key is used by software it has never been used by.

Meaning: a window's requests come from client families the key does not know; bits are the key's own habit
of meeting new ones (Good-Turing), three fewer while they are under a third of the window. Versions do not
count, so an upgrade is silent.
Cost: about 1 us a window. Not ready for keys of fewer than 60 windows.
"""

from __future__ import annotations

from typing import ClassVar, Final

import numpy as np

from detectors.base import Bits, Windows
from detectors.features import unfamiliar
from detectors.novelty import habit_bits
from detectors.surge import MIN_WINDOWS
from domain.finding import Evidence, Kind
from domain.profile import WINDOW_CLIENT_SLOTS

LEAST_SHARE: Final = 1 / 3
FEW_BITS: Final = 3.0
MOST_BITS: Final = 16.0


class ClientChange:
    """Scores closing windows."""

    name: ClassVar[str] = "client_change"
    kind: ClassVar[Kind] = Kind.CLIENT
    grows: ClassVar[bool] = False

    def score(self, windows: Windows) -> Bits:
        share = _share(windows)
        bits = np.minimum(habit_bits(windows.profile, "client"), MOST_BITS)
        bits = np.maximum(np.where(share >= LEAST_SHARE, bits, bits - FEW_BITS), 0.0)
        known = windows.profile["windows"] >= MIN_WINDOWS
        return np.where(known, np.where(share > 0, bits, 0.0), np.nan)

    def explain(self, windows: Windows, i: int) -> list[Evidence]:
        share = float(_share(windows)[i])
        actual = f"{share:.0%} of requests by software it does not know"
        bits = float(self.score(windows)[i])
        return [Evidence(what="client", expected="the key's known clients", actual=actual, bits=bits)]


def _share(windows: Windows) -> Bits:
    return unfamiliar(windows.window, windows.profile, ("client", "client_count"), WINDOW_CLIENT_SLOTS)
