"""A case's evidence in a terminal of any width: one block a claim, repeats of it counted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from alerting.notifiers.text import shown
from domain.finding import Evidence, Finding
from monitor.cli_tables import utc_text

REQUEST_MAX: Final = 100
"""Characters of a request that are shown: the address and client are the caller's choice."""


def print_evidence(findings: Sequence[Finding], console: Console) -> None:
    """In the order in which each claim was first made; of its repeats the most surprising one is shown."""
    for repeats in _claims(findings):
        strongest = max(repeats, key=lambda finding: finding.bits)
        console.print(_head(strongest, repeats))
        for evidence in strongest.evidence:
            console.print(Padding(_line(evidence), (0, 0, 0, 4), expand=False))


def _claims(findings: Sequence[Finding]) -> list[list[Finding]]:
    """Findings of one detector about the same things are one claim."""
    claims: dict[tuple[str, ...], list[Finding]] = {}
    for finding in findings:
        about = (finding.detector, *(evidence.what for evidence in finding.evidence))
        claims.setdefault(about, []).append(finding)
    return list(claims.values())


def _head(finding: Finding, repeats: Sequence[Finding]) -> Text:
    head = Text.assemble((finding.detector, "bold"), f"  {utc_text(finding.ts_ms)}")
    if len(repeats) > 1:
        head.append(f"  strongest of {len(repeats)}, the last at {utc_text(repeats[-1].ts_ms)}")
    origin = " ".join(part for part in (finding.country, finding.network) if part)
    request = f"{finding.endpoint} {finding.client}".strip()[:REQUEST_MAX]
    for part in (origin, request):
        if part:
            head.append(f"  {shown(part)}", "dim")
    return head


def _line(evidence: Evidence) -> Text:
    return Text.assemble(
        f"{shown(evidence.what)}: ",
        (shown(evidence.actual), "bold"),
        f", expected {shown(evidence.expected)} ({evidence.bits:.1f} bits)",
    )
