"""Which objects a key asks for: those of a window that it never asked for, and how often it meets new ones.

A key remembers objects in two generations of a bitmap with one hash (an age-partitioned Bloom filter, Shtul
et al., 2020): new ones go into the younger, which becomes the older before more than half of its bits are
set. So the last ``OBJECT_BITS * ln 2`` (1,420) different objects are known, and a quarter of bits is free.
Cost: about 1 us a window.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from domain.profile import OBJECT_BITS, bits_set

Rows = npt.NDArray[np.void]
Floats = npt.NDArray[np.float64]

YOUNG, OLD = 0, 1
HALF: Final = OBJECT_BITS // 2


def new_objects(windows: Rows, profiles: Rows) -> Floats:
    """Different objects (n,) of each window that its key does not know: free bits hit, over their share."""
    known = profiles["objects_seen"][:, YOUNG] | profiles["objects_seen"][:, OLD]
    free = 1.0 - bits_set(known) / OBJECT_BITS
    found: Floats = bits_set(windows["object_sketch"] & ~known) / np.maximum(free, 0.25)
    return found


def remember(profiles: Rows, windows: Rows, step: npt.NDArray[np.float32]) -> None:
    """Learn the objects of ``windows`` (n,) and the share of requests that were for new ones, in place.

    ``step`` (n,) is how much of the habit the window replaces.
    """
    count = np.maximum(windows["count"], 1)
    share = np.minimum(new_objects(windows, profiles) / count, 1.0).astype(np.float32)
    profiles["novel_objects"] += (share - profiles["novel_objects"]) * step
    seen, met = profiles["objects_seen"], windows["object_sketch"]
    full = bits_set(seen[:, YOUNG] | met) > HALF
    seen[full, OLD], seen[full, YOUNG] = seen[full, YOUNG], 0
    learned = bits_set(met) <= HALF  # a flood of objects must not leave the key without memory
    seen[learned, YOUNG] |= met[learned]
