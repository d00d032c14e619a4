"""Renews what detection knows from outside its partition, from Redis, the key store and the verdicts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from domain.case import Case, CaseState, Verdict
from domain.clock import Clock
from domain.ports import CaseStore
from domain.profile import FLEET_DTYPE, FLEET_PREFIX_BINS
from monitor.baseline.teach import FRESH_MEMORY_MIN
from monitor.outside import STOPPED, Outside, Watched

ALLOWANCE_DAYS: Final = 7
"""How long a false-positive verdict keeps the same kinds of finding on the same key quiet."""
STOPPED_GRACE_S: Final = 120.0
"""A gateway may still accept a key this long after it was stopped."""
VERDICTS_READ: Final = 1_000
Fresh = npt.NDArray[np.float32]


class Renewal:
    """``fleets`` reads every partition's stored fleet row, ``stopped`` lists suspended and revoked keys."""

    def __init__(
        self,
        outside: Outside,
        honey: Iterable[str],
        fleets: Callable[[], dict[int, bytes]],
        stopped: Callable[[], Sequence[str]],
        cases: CaseStore,
        clock: Clock,
        grace_s: float = STOPPED_GRACE_S,
    ) -> None:
        self._outside = outside
        self._honey = {key_id: Watched("honey_key") for key_id in honey}
        self._fleets = fleets
        self._stopped = stopped
        self._cases = cases
        self._clock = clock
        self._grace_s = grace_s
        self._noticed: dict[str, Watched] = {}

    def renew(self) -> None:
        """One round trip or a few; each part replaces the old one as a whole."""
        self._outside.elsewhere = elsewhere(self._fleets())
        since_ms = int((self._clock.now() + self._grace_s) * 1000)
        self._noticed = {
            key_id: self._noticed.get(key_id, Watched(STOPPED, since_ms)) for key_id in self._stopped()
        }
        self._outside.watched = {**self._noticed, **self._honey}
        self._outside.convicted = frozenset(
            case.key_id for case in self._cases.list(CaseState.CONFIRMED, VERDICTS_READ)
        )
        closed = self._cases.list(CaseState.REINSTATED, VERDICTS_READ)
        self._outside.allowed = allowances(closed, int(self._clock.now() * 1000))


def elsewhere(fleets: dict[int, bytes]) -> dict[int, Fresh]:
    """For each partition, the ``prefix_fresh`` (FLEET_PREFIX_BINS,) of all others, faded to the newest."""
    rows = {
        n: np.frombuffer(raw, FLEET_DTYPE)[0] for n, raw in fleets.items() if len(raw) == FLEET_DTYPE.itemsize
    }
    newest = max((int(row["fresh_minute"]) for row in rows.values()), default=0)
    fresh = {
        n: row["prefix_fresh"] * np.float32(np.exp((int(row["fresh_minute"]) - newest) / FRESH_MEMORY_MIN))
        for n, row in rows.items()
    }
    total = sum(fresh.values(), np.zeros(FLEET_PREFIX_BINS, np.float32))
    return {n: np.maximum(total - own, 0.0).astype(np.float32) for n, own in fresh.items()}


def allowances(closed: Iterable[Case], now_ms: int) -> dict[str, dict[str, int]]:
    """Key id -> kind -> minute until which it is quiet, from false-positive verdicts of the last week."""
    out: dict[str, dict[str, int]] = {}
    for case in closed:
        until_ms = (case.closed_ms or 0) + ALLOWANCE_DAYS * 86_400_000
        if until_ms <= now_ms or not case.timeline or case.timeline[-1].what != Verdict.FALSE_POSITIVE.value:
            continue
        kinds = out.setdefault(case.key_id, {})
        for kind in {finding.kind.value for finding in case.findings} - {"certain"}:
            kinds[kind] = max(kinds.get(kind, 0), until_ms // 60_000)
    return out
