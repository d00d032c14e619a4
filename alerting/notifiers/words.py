"""The sentences of an alert, the same for every channel."""

from __future__ import annotations

from domain.decision import Action
from domain.ports import Alert


def headline(alert: Alert) -> str:
    """What was done, honest about what was not."""
    decision = alert.decision
    if decision.action is Action.SUSPEND and not decision.dry_run:
        return "API key suspended"
    if decision.action is Action.SUSPEND:
        return "API key would have been suspended (dry run: it still works)"
    if decision.held_back:
        return "API key needs a decision now: not suspended"
    return "API key behaves suspiciously"


def place(alert: Alert) -> str:
    """Where the requests came from, in one line; empty when unknown."""
    finding = alert.findings[-1]
    parts = [finding.country, f"AS{finding.asn}" if finding.asn else "", finding.network]
    return ", ".join(part for part in parts if part)


def why(alert: Alert) -> str:
    """The policy rule, its reason, and what kept it from suspending."""
    decision = alert.decision
    text = f"rule {decision.rule!r}: {decision.why}"
    return f"{text}; held back: {decision.held_back}" if decision.held_back else text


def how_to_review(alert: Alert) -> str:
    """The command that shows the evidence."""
    return f"keywatch cases show {alert.case.id}"
