"""What a detector claims before it becomes a finding, and the settings of detection."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from domain.finding import Evidence, Kind


@dataclass(frozen=True, slots=True)
class DetectSettings:
    """``evidence_bits``: surprise that counts towards a key's score; ``finding_bits``: that makes a finding
    of its own. ``refire_min``: minutes until the same detector may repeat itself on a key, unless it is
    ``refire_bits`` more surprised. ``combine_min``: minutes that evidence of different kinds stays
    together. ``alert_p``: the operator's budget, as a share of key-days; a score as rare as that is a
    finding whatever its bits. ``hold_risk`` and ``hold_min``: a finding with that risk, or as rare as the
    budget, keeps the key's windows from teaching for so long.
    """

    evidence_bits: float = 6.0
    finding_bits: float = 12.0
    refire_min: int = 60
    refire_bits: float = 6.0
    combine_min: int = 240
    alert_p: float = 0.005
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
