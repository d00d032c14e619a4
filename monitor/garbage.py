"""How often Python looks for cycles of garbage."""

from __future__ import annotations

import gc
from typing import Final

YOUNG_OBJECTS: Final = 100_000
YOUNG_ROUNDS: Final = 20


def collect_seldom() -> None:
    """Look for cycles after 100,000 new objects instead of 700.

    A batch is tens of thousands of records that live until it is done and hold no cycles: to look at them
    twenty times meanwhile costs a sixth to a quarter of the consumer's time (``make bench``).
    """
    gc.set_threshold(YOUNG_OBJECTS, YOUNG_ROUNDS)
