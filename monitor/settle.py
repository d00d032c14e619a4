"""From claims to findings: who may speak, what it adds up to, and what it does to the profile."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from msgspec.structs import replace as with_

from detectors.calibrate import p_value, weight_of
from detectors.combine import evidence_of, risk_of, score_of
from domain.event import EnrichedColumns
from domain.finding import Finding, Kind, finding_id
from domain.network import unpack_country, unpack_prefix
from domain.profile import NEVER, WINDOW_MS, WINDOW_NET_SLOTS
from monitor.baseline.days import enter_day
from monitor.baseline.partition import PartitionState
from monitor.checkpoint.codec import encode_finding
from monitor.claim import Claimed, DetectSettings
from monitor.outside import Outside

KINDS: Final = tuple(Kind)


@dataclass(frozen=True, slots=True)
class _Weighed:
    """A key's evidence after a claim, as :class:`domain.finding.Finding` shows it."""

    contributions: dict[str, float]
    score: float
    risk: float
    p_value: float


class Settlement:
    """Owned by the consumer thread; all it remembers is in the profile rows it writes."""

    def __init__(
        self, topic: str, names: tuple[str, ...], settings: DetectSettings, outside: Outside
    ) -> None:
        self._topic = topic
        self._number = {name: number for number, name in enumerate(names)}
        self._settings = settings
        self._outside = outside

    def settle(
        self, part: PartitionState, claims: list[Claimed], events: EnrichedColumns | None
    ) -> list[Finding]:
        """Claims in event order become findings, unless the detector has just said the same of the key."""
        findings = []
        for claim in sorted(claims, key=lambda c: (c.offset, part.key_ids[c.slot], c.detector)):
            if self._outside.allows(part, claim, events):
                continue
            weighed = self._weigh(part, claim)
            part.touch((claim.slot,), ())
            if not self._speaks(part.profiles[claim.slot], claim, weighed):
                continue
            self._spoken(part.profiles[claim.slot], part, claim, weighed)
            part.touch((), (claim.window,) if claim.row >= 0 else ())
            finding = self._finding(part, claim, events, weighed)
            part.outbox.append((claim.offset, encode_finding(finding)))
            findings.append(finding)
        return findings

    def _weigh(self, part: PartitionState, claim: Claimed) -> _Weighed:
        """What the claim and the key's evidence of the last hour add up to; the row remembers it."""
        rows, number = part.profiles[claim.slot : claim.slot + 1], self._number[claim.detector]
        enter_day(rows, part.fleet, claim.minute)
        profile, fleet = rows[0], part.fleet[0]
        profile["day_bits"][number] = max(float(profile["day_bits"][number]), claim.bits)
        certain = claim.kind is Kind.CERTAIN
        evidence = evidence_of(claim.detector, self.weight(part, claim))
        contributions = self._combined(profile, claim, evidence)
        score = score_of(contributions)
        profile["day_score"] = max(float(profile["day_score"]), score)
        p = 0.0 if certain else p_value(profile, fleet, score)
        return _Weighed(contributions, score, risk_of(contributions), float(f"{p:.3g}"))

    def weight(self, part: PartitionState, claim: Claimed) -> float:
        """How rare the claim is for its key, in bits; proof weighs its bits."""
        if claim.kind is Kind.CERTAIN:
            return claim.bits
        number = self._number[claim.detector]
        return weight_of(part.profiles[claim.slot], part.fleet[0], number, claim.bits)

    def _combined(self, profile: np.void, claim: Claimed, evidence: float) -> dict[str, float]:
        """What all kinds of evidence that are still fresh are worth, the strongest of each kind."""
        kind = KINDS.index(claim.kind)
        fresh = profile["kind_minute"] > claim.minute - self._settings.combine_min
        recent = np.where(fresh, profile["kind_bits"], 0.0)
        if evidence >= recent[kind]:
            profile["kind_bits"][kind], profile["kind_minute"][kind] = evidence, claim.minute
            recent[kind] = profile["kind_bits"][kind]
        return {
            k.value: round(float(b), 2) for k, b in zip(KINDS, recent[: len(KINDS)], strict=True) if b > 0
        }

    def _speaks(self, profile: np.void, claim: Claimed, weighed: _Weighed) -> bool:
        """A detector that has just said the same of the key does not, unless this makes the alert."""
        alerts = weighed.p_value <= self._settings.alert_p
        if alerts and not profile["day_alerted"]:
            return True
        if not alerts and claim.bits < self._settings.finding_bits:
            return False
        number = self._number[claim.detector]
        if claim.minute - int(profile["fired_minute"][number]) >= self._settings.refire_min:
            return True
        return claim.bits >= float(profile["fired_bits"][number]) + self._settings.refire_bits

    def _spoken(self, profile: np.void, part: PartitionState, claim: Claimed, weighed: _Weighed) -> None:
        number = self._number[claim.detector]
        profile["fired_bits"][number] = claim.bits
        profile["fired_minute"][number] = claim.minute
        alerts = weighed.p_value <= self._settings.alert_p
        if alerts:
            profile["day_alerted"] = 1
        if alerts or weighed.risk >= self._settings.hold_risk:
            self._hold(profile, part, claim)

    def _hold(self, profile: np.void, part: PartitionState, claim: Claimed) -> None:
        """Start a hold, but never twice in a row: a change that stays is learned in the end."""
        hold = self._settings.hold_min
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
        weighed: _Weighed,
    ) -> Finding:
        key_id, start = part.key_ids[claim.slot], claim.minute * WINDOW_MS
        finding = Finding(
            id=finding_id(self._topic, part.number, claim.offset, claim.detector, key_id),
            detector=claim.detector,
            kind=claim.kind,
            key_id=key_id,
            tenant=part.tenant(claim.slot),
            partition=part.number,
            offset=claim.offset,
            ts_ms=start + WINDOW_MS,
            window_start_ms=start,
            bits=round(claim.bits, 2),
            risk=weighed.risk,
            contributions=weighed.contributions,
            score=weighed.score,
            p_value=weighed.p_value,
            evidence=claim.explain(),
            baseline_events=int(part.profiles[claim.slot]["learned"]),
        )
        if events is not None and claim.row >= 0:
            return _at_event(finding, events, claim.row)
        return _at_window(finding, part.windows[claim.window])


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
