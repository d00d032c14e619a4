"""The sentences of messages, the same for every channel."""

from __future__ import annotations

from domain.case import Case, CaseState
from domain.decision import Action, Decision
from domain.finding import origin
from domain.incident import Incident, Scope
from domain.ports import Alert, Reminder


def headline(alert: Alert) -> str:
    """What was done, honest about what was not."""
    incident, done = alert.incident, done_to(alert.decision)
    if incident and incident.over:
        done = f"closed, was: {done}"
    if incident is None or alert.total < 2:
        return f"API key {done}"
    return f"{alert.total} API keys {shared(incident)}; the worst {done}"


def done_to(decision: Decision) -> str:
    """The decision as the end of a sentence about a key."""
    if decision.action is Action.SUSPEND:
        return "would have been suspended (dry run: it still works)" if decision.dry_run else "suspended"
    return "needs a decision now: not suspended" if decision.held_back else "behaves suspiciously"


def shared(incident: Incident) -> str:
    """What the keys of an incident have in common."""
    match incident.scope:
        case Scope.NETWORK:
            return f"used from one network, {incident.name}"
        case Scope.TENANT:
            return f"of one tenant, {incident.name}"
        case Scope.KEY:
            return "at once"


def place(alert: Alert) -> str:
    """Where the requests came from, in one line; empty when unknown."""
    return origin(alert.findings[-1])


def why(alert: Alert) -> str:
    """The policy rule, its reason, and what kept it from suspending."""
    decision = alert.decision
    text = f"rule {decision.rule!r}: {decision.why}"
    return f"{text}; held back: {decision.held_back}" if decision.held_back else text


def how_to_review(alert: Alert) -> str:
    """The command that shows the evidence."""
    return f"keywatch cases show {alert.case.id}"


def outcome(case: Case) -> str:
    """Who closed the case and why; who proposed a verdict; empty while nobody has spoken."""
    if case.state is not CaseState.OPEN and case.timeline:
        last = case.timeline[-1]
        return f"{case.state.value} by {last.who} ({last.what}): {last.why}"
    if case.proposal:
        first = case.proposal
        return f"{first.who} proposes {first.verdict.value}: {first.why}; a second person must agree"
    return ""


def reminded(reminder: Reminder) -> str:
    """That nobody has acted."""
    text = f"Nobody has acted on this for {reminder.minutes} minutes"
    return f"{text}: escalated" if reminder.escalated else text
