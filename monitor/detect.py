"""Detectors on a partition's rows: which findings, at which exact event, and what they do to the profile.

Nothing here depends on how events were batched. Growth is scored at the count that crosses a line, not
at the count a batch happened to end with; a finding carries the offset of the event that crossed it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np
import numpy.typing as npt
from msgspec.structs import replace as with_

from detectors.base import MAX_BITS, SightDetector, Sights, WindowDetector, Windows
from detectors.combine import risk_of
from domain.event import EnrichedColumns
from domain.finding import Evidence, Finding, Kind, finding_id
from domain.network import unpack_country, unpack_prefix
from domain.profile import NEVER, WINDOW_MS, WINDOW_NET_SLOTS
from monitor.baseline.accumulate import FirstSights, Groups
from monitor.baseline.partition import PartitionState
from monitor.baseline.slots import match
from monitor.checkpoint.codec import encode_finding

KINDS: Final = tuple(Kind)
SPREAD_WATCH: Final = 4
"""Sights of networks the key knows matter only from this many different ones a window."""
GROWTH_FLOOR: Final = 20
"""Open windows with fewer requests are not scored for growth: `volume` is silent below it by design."""


@dataclass(frozen=True, slots=True)
class DetectSettings:
    """``finding_bits``: surprise that makes a finding. ``refire_min``: minutes until the same detector
    may repeat itself on a key, unless it is ``refire_bits`` more surprised. ``hold_risk`` and
    ``hold_min``: a finding with that risk keeps the key's windows from teaching for so long.
    """

    finding_bits: float = 12.0
    refire_min: int = 60
    refire_bits: float = 6.0
    combine_min: int = 60
    hold_risk: float = 0.5
    hold_min: int = 360


@dataclass(frozen=True, slots=True)
class Claimed:
    """A detector's claim before it becomes a finding. ``row`` is the event's row, or -1 at a close."""

    offset: int
    detector: str
    kind: Kind
    slot: int
    window: int
    minute: int
    bits: float
    row: int
    explain: Callable[[], list[Evidence]] = field(compare=False)


class Detection:
    """The configured detectors; stateless but for what they write into the partition's rows."""

    def __init__(
        self,
        topic: str,
        sights: Sequence[SightDetector],
        windows: Sequence[WindowDetector],
        names: Sequence[str],
        settings: DetectSettings,
    ) -> None:
        self.topic = topic
        self.sight_detectors = tuple(sights)
        self.window_detectors = tuple(windows)
        self.settings = settings
        self._number = {name: number for number, name in enumerate(names)}

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
            profile=profiles[slot],
            fleet=part.fleet[0],
            minute=part.windows["minute"][window].astype(np.int64),
            prefix=events.prefix[row],
            asn=events.asn[row],
            country=events.country[row],
            lat=events.lat[row],
            lon=events.lon[row],
            distinct=seen.distinct[keep],
        )
        claims = []
        for detector in self.sight_detectors:
            bits = detector.score(columns)
            for i in np.flatnonzero(bits >= self.settings.finding_bits).tolist():
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
                        explain=lambda d=detector, i=i: d.explain(columns, i),  # type: ignore[misc]
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
            for i in np.flatnonzero(bits >= self.settings.finding_bits).tolist():
                group = int(hot[i])
                claims += self._crossings(detector, part, events, groups, group, _one(columns, i))
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
        """One claim where the line was crossed, one more at every doubling after it."""
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
            trigger *= 2
        part.windows["spike_next"][window] = min(trigger, 2**32 - 1)

    def _line(self, detector: WindowDetector, columns: Windows, high: int) -> int:
        """Smallest count whose bits make a finding; bits never fall as the count grows."""
        low = 0
        while high - low > 1:
            middle = (low + high) // 2
            bits = detector.score(replace(columns, count=np.array([middle])))[0]
            low, high = (low, middle) if bits >= self.settings.finding_bits else (middle, high)
        return high

    def closing(self, part: PartitionState, pairs: Sequence[tuple[int, int]], offset: int) -> list[Claimed]:
        """Claims on windows of one minute that close now; ``offset`` is the record that closed them."""
        slot, window = (np.array(column) for column in zip(*pairs, strict=True))
        columns = _windows(part, slot, window, part.windows["count"][window].astype(np.int64), closing=True)
        claims = []
        for detector in self.window_detectors:
            bits = detector.score(columns)
            for i in np.flatnonzero(bits >= self.settings.finding_bits).tolist():
                claims.append(
                    Claimed(
                        offset=offset,
                        detector=detector.name,
                        kind=detector.kind,
                        slot=int(slot[i]),
                        window=int(window[i]),
                        minute=int(columns.minute[i]),
                        bits=min(float(bits[i]), MAX_BITS),
                        row=-1,
                        explain=lambda d=detector, i=i: d.explain(columns, i),  # type: ignore[misc]
                    )
                )
        return claims

    # -- from claims to findings -----------------------------------------------------------------------

    def settle(
        self, part: PartitionState, claims: list[Claimed], events: EnrichedColumns | None
    ) -> list[Finding]:
        """Claims in event order become findings, unless the detector has just said the same of the key."""
        findings = []
        for claim in sorted(claims, key=lambda c: (c.offset, part.key_ids[c.slot], c.detector)):
            profile = part.profiles[claim.slot]
            if not self._speaks(profile, claim):
                continue
            contributions = self._remember(profile, claim)
            risk = risk_of(contributions)
            if risk >= self.settings.hold_risk:
                self._hold(profile, part, claim)
            part.touch((claim.slot,), (claim.window,) if claim.row >= 0 else ())
            finding = self._finding(part, claim, events, contributions, risk)
            part.outbox.append((claim.offset, encode_finding(finding)))
            findings.append(finding)
        return findings

    def _speaks(self, profile: np.void, claim: Claimed) -> bool:
        number = self._number[claim.detector]
        if claim.minute - int(profile["fired_minute"][number]) >= self.settings.refire_min:
            return True
        return claim.bits >= float(profile["fired_bits"][number]) + self.settings.refire_bits

    def _remember(self, profile: np.void, claim: Claimed) -> dict[str, float]:
        number = self._number[claim.detector]
        profile["fired_bits"][number] = claim.bits
        profile["fired_minute"][number] = claim.minute
        kind = KINDS.index(claim.kind)
        fresh = profile["kind_minute"] > claim.minute - self.settings.combine_min
        recent = np.where(fresh, profile["kind_bits"], 0.0)
        profile["kind_bits"][kind] = max(claim.bits, float(recent[kind]))
        profile["kind_minute"][kind] = claim.minute
        recent[kind] = profile["kind_bits"][kind]
        return {k.value: round(float(b), 2) for k, b in zip(KINDS, recent, strict=True) if b > 0}

    def _hold(self, profile: np.void, part: PartitionState, claim: Claimed) -> None:
        """Start a hold, but never twice in a row: a change that stays is learned in the end."""
        hold = self.settings.hold_min
        until = int(profile["held_until"])
        if hold and (until == NEVER or claim.minute > until + hold):
            profile["held_until"] = claim.minute + hold
        if claim.window >= 0 and int(profile["held_until"]) >= claim.minute:
            part.windows["held"][claim.window] = 1

    def _finding(
        self,
        part: PartitionState,
        claim: Claimed,
        events: EnrichedColumns | None,
        contributions: dict[str, float],
        risk: float,
    ) -> Finding:
        key_id, start = part.key_ids[claim.slot], claim.minute * WINDOW_MS
        finding = Finding(
            id=finding_id(self.topic, part.number, claim.offset, claim.detector, key_id),
            detector=claim.detector,
            kind=claim.kind,
            key_id=key_id,
            tenant=part.tenant(claim.slot),
            partition=part.number,
            offset=claim.offset,
            ts_ms=start + WINDOW_MS,
            window_start_ms=start,
            bits=round(claim.bits, 2),
            risk=risk,
            contributions=contributions,
            evidence=claim.explain(),
            baseline_events=int(part.profiles[claim.slot]["learned"]),
        )
        if events is not None and claim.row >= 0:
            return _at_event(finding, events, claim.row)
        return _at_window(finding, part.windows[claim.window])


def _windows(
    part: PartitionState,
    slot: npt.NDArray[np.int64],
    window: npt.NDArray[np.int64],
    count: npt.NDArray[np.int64],
    *,
    closing: bool,
) -> Windows:
    rows = part.windows[window]
    return Windows(
        profile=part.profiles[slot],
        window=rows,
        fleet=part.fleet[0],
        minute=rows["minute"].astype(np.int64),
        count=count,
        closing=closing,
    )


def _one(columns: Windows, i: int) -> Windows:
    pick = slice(i, i + 1)
    return replace(
        columns,
        profile=columns.profile[pick],
        window=columns.window[pick],
        minute=columns.minute[pick],
        count=columns.count[pick],
    )


def _place(lat: float, lon: float) -> dict[str, float | None]:
    known = np.isfinite(lat) and np.isfinite(lon)
    return {"lat": round(lat, 3) if known else None, "lon": round(lon, 3) if known else None}


def _at_event(finding: Finding, events: EnrichedColumns, row: int) -> Finding:
    raw = events.raw
    return with_(
        finding,
        ts_ms=int(events.ts_ms[row]),
        country=unpack_country(int(events.country[row])),
        asn=int(events.asn[row]),
        network=unpack_prefix(int(events.prefix[row])),
        client=raw.user_agent[row],
        endpoint=f"{raw.method[row]} {raw.endpoint[row]}".strip(),
        **_place(float(events.lat[row]), float(events.lon[row])),
    )


def _at_window(finding: Finding, window: np.void) -> Finding:
    """The window's busiest network; a closed window no longer knows single requests."""
    counts = window["net_count"]
    if not counts.any():
        return finding
    busiest = int(np.argmax(counts[:WINDOW_NET_SLOTS]))
    return with_(
        finding,
        country=unpack_country(int(window["country"][busiest])),
        asn=int(window["asn"][busiest]),
        network=unpack_prefix(int(window["prefix"][busiest])),
        **_place(float(window["lat"][busiest]), float(window["lon"][busiest])),
    )
