"""The naive rule most people write first: three sigma on the key's own counts, and a new country.

Counts of ten minutes and of an hour against mean and deviation of the key's own past ones (those with
requests). A country that the key has not been used from since its second day counts as
``country`` sigmas; the number is chosen to the peer's best advantage.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np

from benchmarks.peers.base import Input, at_close, at_events
from benchmarks.peers.windows import Table, fresh
from monitor.evaluation.run import Raised

COUNTRY_SIGMAS: Final = (0.0, 4.0, 8.0, 16.0, 1000.0)


def three_sigma(country: float) -> Callable[[Input], list[Raised]]:
    """The rule with a new country worth so many sigmas."""

    def run(given: Input) -> list[Raised]:
        stream = given.stream
        found = [one for windows in given.windows.values() for one in _counts(given, windows)]
        if country:
            rows = np.flatnonzero(fresh(stream, "country"))
            found += at_events(stream, rows, np.full(len(rows), country), "new country")
        return sorted(found, key=lambda one: one.offset)

    return run


def _counts(given: Input, windows: Table) -> list[Raised]:
    requests = np.expm1(windows.counts[:, 0])
    order = np.argsort(windows.key, kind="stable")
    z = np.empty(len(requests))
    for rows in np.split(order, np.flatnonzero(np.diff(windows.key[order])) + 1):
        own = requests[rows]
        n = np.arange(len(own))
        mean = np.concatenate(([0], np.cumsum(own)[:-1])) / np.maximum(n, 1)
        square = np.concatenate(([0], np.cumsum(own * own)[:-1])) / np.maximum(n, 1)
        z[rows] = (own - mean) / np.maximum(np.sqrt(np.maximum(square - mean**2, 0)), 1.0)
    return at_close(given.stream, windows, z, f"{windows.minutes} min")
