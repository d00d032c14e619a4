"""What a case says in one sentence."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from domain.case import Case, CaseState, Verdict
from domain.decision import Action
from domain.endpoint import template
from domain.finding import Evidence, Finding

VERDICTS: Final = {
    Verdict.REINSTATE: "Reinstate",
    Verdict.CONFIRM: "Confirm misuse",
    Verdict.FALSE_POSITIVE: "False positive",
}
PROMISES: Final = {
    Verdict.REINSTATE: "The key works again. The same findings will be made and told as before.",
    Verdict.CONFIRM: "It was misuse. A suspended key stays suspended until a person lets it go.",
    Verdict.FALSE_POSITIVE: "It was the customer. The key works again, and the same passes for a while.",
}


HEADLINES: Final = 2
LINES: Final = 5
"""Lines of evidence in sight; the others are folded."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line of evidence with the newest finding that has it, and in how many findings it came."""

    finding: Finding
    evidence: Evidence
    times: int


def lines_of(case: Case) -> Sequence[Line]:
    """The case's evidence, each ``what`` of a detector once: the most surprising first."""
    found: dict[tuple[str, str], Line] = {}
    for finding in case.findings:
        for evidence in finding.evidence:
            at = (finding.detector, evidence.what)
            before = found.get(at)
            strongest = evidence if before is None else max(before.evidence, evidence, key=_bits)
            found[at] = Line(finding, strongest, 1 + (before.times if before else 0))
    return sorted(found.values(), key=lambda line: -line.evidence.bits)


def _bits(evidence: Evidence) -> float:
    return evidence.bits


def headlines(case: Case) -> Sequence[Evidence]:
    """The strongest line of each kind of evidence that weighs in the riskiest finding, in their order; of
    all evidence where no finding is of those kinds.
    """
    found = [_strongest(case, kind) for kind, _ in contributions_of(case)[:HEADLINES]]
    return [evidence for evidence in found if evidence] or [e for e in [_strongest(case, "")] if e]


def headline(case: Case) -> Evidence | None:
    """The first of :func:`headlines`; None for a case without evidence."""
    return next(iter(headlines(case)), None)


def _strongest(case: Case, kind: str) -> Evidence | None:
    findings = (finding for finding in case.findings if kind in ("", finding.kind.value))
    return max((evidence for finding in findings for evidence in finding.evidence), key=_bits, default=None)


def status(case: Case) -> str:
    """What was done to the key, honest about what was not."""
    if case.revoked:
        return "revoked for good"
    if case.state is CaseState.CONFIRMED:
        return "misuse confirmed"
    if case.state is not CaseState.OPEN:
        return "works again" if case.suspended else "was never stopped"
    if case.suspended:
        return "suspended"
    if case.decision.action is Action.SUSPEND:
        return "still works (dry run)"
    return "still works (held back)" if case.decision.held_back else "still works"


@dataclass(frozen=True, slots=True)
class Count:
    """On how many of a case's requests something was, and on which share of those where it is known."""

    name: str
    count: int
    share: float


def counts_of(names: Iterable[str]) -> Sequence[Count]:
    """How often each came, the most frequent first; what is not known is left out."""
    counted = Counter(name for name in names if name)
    ordered = sorted(counted.items(), key=lambda item: (-item[1], item[0]))
    return [Count(name, count, count / counted.total()) for name, count in ordered]


def endpoint_of(finding: Finding) -> str:
    """What its request called, without what changes from call to call; empty when unknown."""
    method, _, path = finding.endpoint.partition(" ")
    return f"{method} {template(path)}" if path else finding.endpoint


def contributions_of(case: Case) -> Sequence[tuple[str, float]]:
    """The calibrated bits of each kind of evidence in the case's riskiest finding, strongest first."""
    riskiest = max(case.findings, key=lambda finding: finding.risk, default=None)
    return sorted(riskiest.contributions.items(), key=lambda item: -item[1]) if riskiest else []
