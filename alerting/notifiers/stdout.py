"""Alerts as text on standard output: the default when Slack is not set up."""

from __future__ import annotations

import sys
from typing import TextIO

from alerting.notifiers.words import headline, how_to_review, place, why
from domain.ports import Alert


class StdoutNotifier:
    """One paragraph an alert; control characters in attacker-chosen text are shown escaped."""

    name = "stdout"

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stdout

    def send(self, alert: Alert) -> None:
        lines = [f"{headline(alert)}: {alert.case.key_id}  risk {alert.case.risk:.2f}"]
        for finding in alert.findings:
            for e in finding.evidence:
                lines.append(f"  {finding.detector}: {e.what} {e.actual}, expected {e.expected}")
        lines += [f"  from: {place(alert)}", f"  why: {why(alert)}", f"  review: {how_to_review(alert)}"]
        text = "\n".join(_shown(line) for line in lines)
        self._stream.write(text + "\n")
        self._stream.flush()


def _shown(text: str) -> str:
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)
