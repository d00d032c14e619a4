"""Endpoint templates that a key never called, in a window and in the last hours together."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

Rows = npt.NDArray[np.void]
Sketch = npt.NDArray[np.uint8]

TOGETHER_MIN: Final = 240
"""Such templates count together while one follows another within four hours, as evidence does."""


def never_called(windows: Rows, profiles: Rows) -> tuple[Sketch, Sketch]:
    """Sketches (n, bytes) of the templates of each window that its key never called, and of these with those
    of the last hours, whether the key has learned them since or not."""
    new: Sketch = windows["endpoint_sketch"] & ~profiles["endpoint_seen"]
    lately = windows["minute"] - profiles["fresh_endpoints_minute"] <= TOGETHER_MIN
    together: Sketch = new | np.where(lately[:, None], profiles["fresh_endpoints"], 0).astype(np.uint8)
    return new, together
