"""Messages as plain text: for standard output and mail."""

from __future__ import annotations

from alerting.notifiers.sparkline import day_lines
from alerting.notifiers.words import done_to, headline, how_to_review, outcome, place, reminded, why
from domain.ports import Alert, Message, Reminder


def title_of(message: Message) -> str:
    """One line that says what it is about, safe in a header and a terminal."""
    if isinstance(message, Reminder):
        return shown(f"{reminded(message)}: {headline(message.alert)}: {message.alert.case.key_id}")
    if isinstance(message, Alert):
        return shown(f"{headline(message)}: {message.case.key_id}")
    return shown(message.title)


def lines_of(message: Message) -> list[str]:
    """What a person needs to judge it; control characters in attacker-chosen text are shown escaped."""
    if isinstance(message, Reminder):
        return lines_of(message.alert)
    if isinstance(message, Alert):
        return [shown(line) for line in _alert_lines(message)]
    return [shown(line) for line in message.lines]


def _alert_lines(alert: Alert) -> list[str]:
    lines = [f"risk: {alert.case.risk:.2f}"]
    for finding in alert.findings:
        for e in finding.evidence:
            lines.append(f"{finding.detector}: {e.what} {e.actual}, expected {e.expected}")
    lines += [f"also: {case.key_id} {done_to(case.decision)}" for case in alert.others]
    if alert.case.picture:
        now, usual = day_lines(alert.case.picture)
        lines += [f"last 24 h: {now}", f"as usual:  {usual}"]
    lines += [f"from: {place(alert)}", f"why: {why(alert)}"]
    if said := outcome(alert.case):
        lines.append(f"now: {said}")
    if alert.failing:
        lines.append(f"not delivered elsewhere: {alert.failing}")
    lines.append(f"review: {how_to_review(alert)}" + (f" or {alert.link}" if alert.link else ""))
    return lines


def shown(text: str) -> str:
    """Text that cannot move the cursor or forge a line."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)
