"""What a detector claims before it becomes a finding, and the settings of detection."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from domain.finding import Evidence, Kind


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
