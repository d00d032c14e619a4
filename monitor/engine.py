"""One partition's events through the baseline and the detectors, in event order."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from detectors.features import Matrix, normalised, ready
from domain.event import EnrichedColumns
from domain.finding import Finding
from domain.profile import mix64
from monitor.baseline.accumulate import accumulate
from monitor.baseline.days import enter_day
from monitor.baseline.hours import count_hours
from monitor.baseline.partition import PartitionState
from monitor.baseline.segment import cut
from monitor.baseline.slots import put
from monitor.baseline.teach import count_fresh, count_window, holding, skip, teach
from monitor.baseline.ticks import count_ticks
from monitor.detect import Detection, closing_windows

SAMPLE_ONE_IN: Final = 8
"""Share of closed windows kept for training: at 10,000 keys a day's worth is far more than is needed."""


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """``lateness_min``: minutes of event time that a window stays open for stragglers."""

    lateness_min: int = 2


@dataclass(slots=True)
class Engine:
    """Applies events to a :class:`PartitionState`; the state holds what the next commit must write."""

    detection: Detection
    settings: EngineSettings

    def apply(
        self,
        part: PartitionState,
        events: EnrichedColumns,
        keys: npt.NDArray[np.int64],
        next_offset: int,
    ) -> list[Finding]:
        """Count, score and learn from ``events``; findings in event order are also in the part's outbox.

        ``keys`` (n,) are the profile rows of the events' keys, loaded before: what may be tried again
        changes nothing, and this changes all.
        """
        findings: list[Finding] = []
        for piece in cut(events.ts_ms, part.watermark_ms):
            if piece.minute != part.minute:
                findings += self._enter(part, piece.minute, int(events.offset[piece.start]))
            part.watermark_ms = piece.watermark_ms
            first_open = piece.minute - self.settings.lateness_min
            rows = slice(piece.start, piece.stop)
            groups, sights = accumulate(part, events, keys, rows, first_open)
            findings += self.detection.live(part, events, groups, sights)
        part.offset = next_offset
        return findings

    def finish(self, part: PartitionState) -> list[Finding]:
        """Close every window, as at the end of a file: no more events will come."""
        last = max(part.open, default=part.minute)
        return self._enter(part, last + self.settings.lateness_min + 1, max(part.offset - 1, 0))

    def _enter(self, part: PartitionState, minute: int, offset: int) -> list[Finding]:
        """The watermark enters ``minute``: windows older than the lateness close, oldest first."""
        part.minute = minute
        findings = []
        for closing, pairs in part.due(minute - self.settings.lateness_min).items():
            columns = closing_windows(part, pairs)
            claims = self.detection.closing(columns, pairs, offset)
            findings += self.detection.settle(part, claims, None)
            self._learn(part, closing, pairs, columns.features)
            part.release(closing)
        return findings

    def _learn(
        self, part: PartitionState, minute: int, pairs: list[tuple[int, int]], features: Matrix
    ) -> None:
        slots, numbers = np.array(pairs).T
        windows, profiles = part.windows.take(numbers), part.profiles.take(slots)
        count_fresh(profiles, windows, part.fleet, minute)
        enter_day(profiles, part.fleet, minute, self._convicted(part, slots))
        count_window(profiles, windows)
        count_hours(profiles, windows, minute)
        # an allowance ends the hold that its case began, but what is found beside it still does not teach
        held = (windows["held"] > 0) | (holding(profiles, minute) & ~self._allowed(part, slots))
        count_ticks(profiles, windows, minute, held)
        if held.any():
            taught, resting = profiles[~held], profiles[held]
            skip(resting, minute)
            put(part.profiles, slots[held], resting)
            slots, windows, profiles, features = slots[~held], windows[~held], taught, features[~held]
        self._sample(part, profiles, windows, features)
        if len(profiles):
            teach(profiles, windows, features, part.fleet, minute)
            put(part.profiles, slots, profiles)
            part.fleet_dirty = True
        part.touch([slot for slot, _ in pairs], ())

    def _allowed(self, part: PartitionState, slots: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
        """Keys whose change a person called honest: they learn it."""
        return _among(part, slots, self.detection.outside.allowed)

    def _convicted(self, part: PartitionState, slots: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
        """Keys that a person found misused: their worst day is no measure for others."""
        return _among(part, slots, self.detection.outside.convicted)

    def _sample(
        self,
        part: PartitionState,
        profiles: npt.NDArray[np.void],
        windows: npt.NDArray[np.void],
        features: Matrix,
    ) -> None:
        """Keep some windows' features for training, chosen by their content so that reruns choose alike."""
        if not len(profiles):
            return
        chosen = mix64(windows["first_ms"].astype(np.uint64)) % np.uint64(SAMPLE_ONE_IN) == 0
        chosen &= ready(profiles, windows["count"].astype(np.int64))
        if chosen.any():
            rows = normalised(features[chosen], profiles[chosen])
            part.samples += [row.tobytes() for row in rows]


def _among(
    part: PartitionState, slots: npt.NDArray[np.int64], key_ids: Collection[str]
) -> npt.NDArray[np.bool_]:
    if not key_ids:
        return np.zeros(len(slots), bool)
    return np.array([part.key_ids[slot] in key_ids for slot in slots.tolist()])
