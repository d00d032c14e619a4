"""What travels through the stages."""

from __future__ import annotations

from dataclasses import dataclass, replace

from domain.case import Case
from domain.decision import Action, Decision
from domain.finding import Finding
from domain.incident import Incident

UNDECIDED = Decision(action=Action.OBSERVE, rule="", why="not decided yet")


@dataclass(frozen=True, slots=True)
class Handling:
    """A finding, what was decided, its case and incident, and what each stage did, in words."""

    finding: Finding
    decision: Decision = UNDECIDED
    case: Case | None = None
    repeated: bool = False
    """The case had it already: the outbox delivers at least once."""
    incident: Incident | None = None
    quiet: str = ""
    """Why nobody is told, empty if somebody is."""
    loud: bool = False
    """Whether the message makes a sound, or only changes what it says."""
    because: str = ""
    """Why it is loud or not."""
    told: tuple[str, ...] = ()
    """Destinations whose message is on its way."""

    def hushed(self, why: str) -> Handling:
        """The same, and nobody is told."""
        return replace(self, quiet=why)
