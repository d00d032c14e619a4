"""Detectors on a partition's rows: which claims, at which exact event.

Nothing here depends on how events were batched. Growth is scored at the count that crosses a line, not
at the count a batch happened to end with; a claim carries the offset of the event that crossed it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final

import numpy as np
import numpy.typing as npt

from detectors.base import MAX_BITS, SightDetector, Sights, SurgeDetector, WindowDetector, Windows, one
from domain.event import EnrichedColumns
from domain.finding import Finding
from monitor.baseline.accumulate import FirstSights, Groups
from monitor.baseline.partition import PartitionState
from monitor.baseline.slots import match
from monitor.claim import Claimed, DetectSettings
from monitor.outside import Outside, proofs
from monitor.settle import Settlement
from monitor.surges import surging

SPREAD_WATCH: Final = 4
"""Sights of networks the key knows matter only from this many different ones a window."""
GROWTH_FLOOR: Final = 20
"""Open windows with fewer requests are not scored for growth: `volume` is silent below it by design."""


class Detection:
    """The configured detectors; stateless but for what they write into the partition's rows."""

    def __init__(
        self,
        topic: str,
        sights: Sequence[SightDetector],
        windows: Sequence[WindowDetector],
        surges: Sequence[SurgeDetector],
        names: Sequence[str],
        settings: DetectSettings,
        outside: Outside | None = None,
    ) -> None:
        self.sight_detectors = tuple(sights)
        self.window_detectors = tuple(windows)
        self.surge_detectors = tuple(surges)
        self.settings = settings
        self.outside = outside or Outside()
        self._settlement = Settlement(topic, tuple(names), settings, self.outside)

    def live(
        self, part: PartitionState, events: EnrichedColumns, groups: Groups, seen: FirstSights
    ) -> list[Finding]:
        """Findings that need no window to close: proofs, first sights, growth."""
        claims = proofs(self.outside, part, events, groups)
        claims += self.sights(part, events, seen)
        claims += self.growth(part, events, groups)
        claims += surging(self.surge_detectors, part, events, groups, self.settings.evidence_bits)
        return self.settle(part, claims, events)

    def settle(
        self, part: PartitionState, claims: list[Claimed], events: EnrichedColumns | None
    ) -> list[Finding]:
        """Claims in event order become findings, unless the detector has just said the same of the key."""
        return self._settlement.settle(part, claims, events)

    # -- scoring -------------------------------------------------------------------------------------

    def sights(self, part: PartitionState, events: EnrichedColumns, seen: FirstSights) -> list[Claimed]:
        """Claims on networks met for the first time in a window."""
        slot = part.window_slot[seen.window]
        profiles = part.profiles
        prefix = events.prefix[seen.row]
        known = match(profiles["prefix"][slot], profiles["prefix_weight"][slot] > 0, prefix) >= 0
        keep = np.flatnonzero(~known | (seen.distinct >= SPREAD_WATCH))
        if not len(keep):
            return []
        row, slot, window = seen.row[keep], slot[keep], seen.window[keep]
        columns = Sights(
            profile=profiles.take(slot),
            fleet=self.outside.fleet(part),
            minute=part.windows["minute"][window].astype(np.int64),
            prefix=events.prefix[row],
            asn=events.asn[row],
            country=events.country[row],
            lat=events.lat[row],
            lon=events.lon[row],
            listed=events.listed[row],
            distinct=seen.distinct[keep],
        )
        claims = []
        for detector in self.sight_detectors:
            bits = detector.score(columns)
            for i in np.flatnonzero(bits >= self.settings.evidence_bits).tolist():
                at = int(row[i])
                claims.append(
                    Claimed(
                        offset=int(events.offset[at]),
                        detector=detector.name,
                        kind=detector.kind,
                        slot=int(slot[i]),
                        window=int(window[i]),
                        minute=int(columns.minute[i]),
                        bits=min(float(bits[i]), MAX_BITS),
                        row=at,
                        explain=lambda d=detector, i=i: d.explain(one(columns, i), 0),  # type: ignore[misc]
                    )
                )
        return claims

    def growth(self, part: PartitionState, events: EnrichedColumns, groups: Groups) -> list[Claimed]:
        """Claims on open windows whose count crossed a line with these events."""
        due = np.maximum(part.windows["spike_next"][groups.window], GROWTH_FLOOR)
        hot = np.flatnonzero(groups.after >= due)
        claims: list[Claimed] = []
        if not len(hot):
            return claims
        for detector in self.window_detectors:
            if not detector.grows:
                continue
            columns = _windows(part, groups.slot[hot], groups.window[hot], groups.after[hot], closing=False)
            bits = detector.score(columns)
            for i in np.flatnonzero(bits >= self.settings.evidence_bits).tolist():
                group = int(hot[i])
                claims += self._crossings(detector, part, events, groups, group, one(columns, i))
        return claims

    def _crossings(
        self,
        detector: WindowDetector,
        part: PartitionState,
        events: EnrichedColumns,
        groups: Groups,
        group: int,
        columns: Windows,
    ) -> Iterable[Claimed]:
        """One claim where the line was crossed, one more at every quarter after it."""
        window, slot = int(groups.window[group]), int(groups.slot[group])
        before, after = int(groups.before[group]), int(groups.after[group])
        trigger = int(part.windows["spike_next"][window])
        if not trigger:
            trigger = max(self._line(detector, columns, after), before + 1)
        while trigger <= after:
            at = int(groups.order[groups.start[group] + trigger - before - 1])
            exact = replace(columns, count=np.array([trigger]))
            yield Claimed(
                offset=int(events.offset[at]),
                detector=detector.name,
                kind=detector.kind,
                slot=slot,
                window=window,
                minute=int(exact.minute[0]),
                bits=min(float(detector.score(exact)[0]), MAX_BITS),
                row=at,
                explain=lambda exact=exact: detector.explain(exact, 0),  # type: ignore[misc]
            )
            trigger += max(trigger // 4, 1)
        part.windows["spike_next"][window] = min(trigger, 2**32 - 1)

    def _line(self, detector: WindowDetector, columns: Windows, high: int) -> int:
        """Smallest count whose bits are evidence; bits never fall as the count grows."""
        low = 0
        while high - low > 1:
            middle = (low + high) // 2
            bits = detector.score(replace(columns, count=np.array([middle])))[0]
            low, high = (low, middle) if bits >= self.settings.evidence_bits else (middle, high)
        return high

    def closing(self, columns: Windows, pairs: Sequence[tuple[int, int]], offset: int) -> list[Claimed]:
        """Claims on windows (slot, row) of one minute, which the record at ``offset`` closes."""
        claims = []
        for detector in self.window_detectors:
            bits = detector.score(columns)
            for i in np.flatnonzero(bits >= self.settings.evidence_bits).tolist():
                claims.append(
                    Claimed(
                        offset=offset,
                        detector=detector.name,
                        kind=detector.kind,
                        slot=pairs[i][0],
                        window=pairs[i][1],
                        minute=int(columns.minute[i]),
                        bits=min(float(bits[i]), MAX_BITS),
                        row=-1,
                        explain=lambda d=detector, i=i: d.explain(one(columns, i), 0),  # type: ignore[misc]
                    )
                )
        return claims


def closing_windows(part: PartitionState, pairs: Sequence[tuple[int, int]]) -> Windows:
    """Windows (slot, row) that no request will come to any more."""
    slot, window = (np.array(column) for column in zip(*pairs, strict=True))
    return _windows(part, slot, window, part.windows["count"][window].astype(np.int64), closing=True)


def _windows(
    part: PartitionState,
    slot: npt.NDArray[np.int64],
    window: npt.NDArray[np.int64],
    count: npt.NDArray[np.int64],
    *,
    closing: bool,
) -> Windows:
    rows = part.windows.take(window)
    return Windows(
        profile=part.profiles.take(slot),
        window=rows,
        fleet=part.fleet[0],
        minute=rows["minute"].astype(np.int64),
        count=count,
        closing=closing,
    )
