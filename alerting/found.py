"""Findings that are kept: for how long, in which listings, and what is counted of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from alerting.listing import key_listing, tenant_listing
from domain.overview import FindingPage, FindingQuery, FoundFinding

DAY_MS: Final = 86_400_000
PART_MS: Final = 600_000
"""Counts of a day are kept in parts of ten minutes, so a day is one to within that."""


@dataclass(frozen=True, slots=True)
class Keep:
    """The newest ``count`` findings (a few more at times), none whose event is older than ``days``."""

    count: int = 50_000
    days: int = 30


@dataclass(frozen=True, slots=True)
class FindingCounts:
    """Of the last 24 hours: findings, messages that made a sound, and distinct keys that policy alerted on
    or suspended.
    """

    findings: int
    alerts: int
    keys_alerted: int


class FindingStore(Protocol):
    """Findings and what became of them; also a :class:`domain.overview.FindingReader`."""

    def write(self, found: FoundFinding, *, loud: bool, now_ms: int) -> None:
        """Keep it; the same finding again changes nothing. ``loud``: a message made a sound for it."""

    def page(self, query: FindingQuery) -> FindingPage:
        """Newest first. Raises ``Rejected`` for a cursor that no page gave."""

    def counts(self, now_ms: int) -> FindingCounts:
        """One round trip."""

    def prune(self, now_ms: int, steps: int = 100) -> int:
        """Remove what is past its bound, so many steps at most; how many were removed."""


def listing_of(query: FindingQuery) -> str:
    """The narrowest listing that holds all a query wants."""
    if query.key_id:
        return key_listing(query.key_id)
    if query.tenant:
        return tenant_listing(query.tenant)
    return f"detector:{query.detector}" if query.detector else "all"


def listings_of(found: FoundFinding) -> list[str]:
    """All listings that a finding is in; the first holds all."""
    finding = found.finding
    return [
        "all",
        key_listing(finding.key_id),
        tenant_listing(finding.tenant),
        f"detector:{finding.detector}",
    ]


def fits(found: FoundFinding, query: FindingQuery) -> bool:
    """Whether a query wants it."""
    finding = found.finding
    return (
        query.key_id in ("", finding.key_id)
        and query.tenant in ("", finding.tenant)
        and query.detector in ("", finding.detector)
    )


def action_counts(counted: Mapping[str, int], keys_alerted: int, now_ms: int) -> FindingCounts:
    """From ``found:PART`` and ``told:PART`` of the parts of the last day."""
    since = (now_ms - DAY_MS) // PART_MS
    recent = {name: n for name, n in counted.items() if int(name.partition(":")[2]) > since}
    return FindingCounts(
        findings=sum(n for name, n in recent.items() if name.startswith("found:")),
        alerts=sum(n for name, n in recent.items() if name.startswith("told:")),
        keys_alerted=keys_alerted,
    )
