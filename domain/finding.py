"""What a detector claims, with the evidence a person needs to judge it."""

from __future__ import annotations

import hashlib
from enum import StrEnum

import msgspec


class Kind(StrEnum):
    """Families of evidence. Kinds are treated as independent; findings of one kind are not."""

    ORIGIN = "origin"
    """Where the requests come from: country, ASN, network."""
    VOLUME = "volume"
    """How many requests there are."""
    BEHAVIOUR = "behaviour"
    """What the requests do: endpoints, errors, sizes, taken together."""
    TIMING = "timing"
    """When the requests come: at which hours, after which silence, how regularly."""
    CERTAIN = "certain"
    """Proof rather than statistics: a honey key touched, a revoked key used, a secret in a log."""
    CLIENT = "client"
    """Which software makes the requests."""


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """One line a person can judge: ``what`` was ``actual`` where ``expected`` was usual.

    ``bits`` is the surprise, -log2 of the probability of something at least as extreme.
    """

    what: str
    expected: str
    actual: str
    bits: float


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One detector's scored, evidenced claim about one key in one window.

    ``bits`` is the detector's surprise. ``contributions`` are the calibrated bits that each kind of
    evidence gave in the last hour, ``score`` their sum and ``risk`` the same as a probability in [0, 1].
    ``p_value`` is the share of this key's days that would score so high if it were honest (1 for findings
    of older versions). ``ts_ms`` is event time. See ``detectors.combine`` and ``detectors.calibrate``.
    """

    id: str
    detector: str
    kind: Kind
    key_id: str
    tenant: str
    partition: int
    offset: int
    ts_ms: int
    window_start_ms: int
    bits: float
    risk: float
    contributions: dict[str, float]
    evidence: list[Evidence]
    score: float = 0.0
    p_value: float = 1.0
    baseline_events: int
    """How many requests the key's baseline had learned: 0 means no baseline, so no suspension."""
    country: str = ""
    asn: int = 0
    network: str = ""
    lat: float | None = None
    lon: float | None = None
    client: str = ""
    endpoint: str = ""


def finding_id(topic: str, partition: int, offset: int, detector: str, key_id: str) -> str:
    """The idempotency key of a finding: the same event gives the same id in every run."""
    text = f"{topic}\0{partition}\0{offset}\0{detector}\0{key_id}"
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def origin(finding: Finding) -> str:
    """Where a finding's requests came from; empty when unknown."""
    parts = [finding.country, f"AS{finding.asn}" if finding.asn else "", finding.network]
    return ", ".join(part for part in parts if part)
