"""What travels through the stages."""

from __future__ import annotations

from dataclasses import dataclass, replace

from domain.case import Case
from domain.decision import Decision
from domain.finding import Finding


@dataclass(frozen=True, slots=True)
class Incident:
    """A finding, what was decided, its case, and what each stage did, in words."""

    finding: Finding
    decision: Decision
    case: Case | None = None
    quiet: str = ""
    """Why nobody is told, empty if somebody is."""
    log: tuple[str, ...] = ()

    def noted(self, line: str) -> Incident:
        """The same with one more line in the log."""
        return replace(self, log=(*self.log, line))
