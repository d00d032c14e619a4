"""The first half of a verification: may this key be used at all now, and how often.

The in-memory store runs :func:`admit`; Redis runs the same rules in the script that looks the key up.
The second half, what the request asks for, is :mod:`keystore.answer`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from keystore.rate import RateStatus, take
from keystore.record import KeyRecord
from keystore.refusal import Refusal
from keystore.usage import Meter


@dataclass(frozen=True, slots=True)
class Presented:
    """A secret as the database may see it: its drawer, and its digests by pepper version, the current
    one first."""

    cell: str
    digests: Mapping[int, str]


@dataclass(frozen=True, slots=True)
class Admission:
    """A key that was found: why it is turned away, or None; ``rate`` when it has a limit and was asked."""

    record: KeyRecord
    refusal: Refusal | None = None
    rate: RateStatus | None = None


def admit(record: KeyRecord, meter: Meter, now_ms: int) -> Admission:
    """State first, then the rate limit; only what passes both counts as a use. Changes ``meter``."""
    refusal = record.refusal_at(now_ms)
    if refusal is not None:
        return Admission(record, refusal)
    limit, rate = record.rate, None
    if limit is not None:
        meter.tat_us, rate = take(limit, meter.tat_us, now_ms * 1000)
        if rate.retry_after_s > 0:
            return Admission(record, Refusal.RATE_LIMITED, rate)
    meter.count(now_ms)
    return Admission(record, None, rate)
