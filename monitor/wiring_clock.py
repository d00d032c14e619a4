"""The machine's clock: the only one, for the daemon and for the gate in other people's processes."""

from __future__ import annotations

import time
from typing import Final

from domain.clock import Clock


class SystemClock:
    """The machine's clock."""

    def now(self) -> float:
        return time.time()

    def monotonic(self) -> float:
        return time.monotonic()


CLOCK: Final[Clock] = SystemClock()
