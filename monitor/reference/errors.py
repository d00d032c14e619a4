"""docs/reference/errors.md: every error reason, what it means and what to do."""

from __future__ import annotations

from typing import Final

from domain.errors import Reason
from monitor.reference.error_words import CLASSES, WORDS

INTRO: Final = """# Errors

Every failure has a reason from a closed list. It is in the log (`reason`), in metrics
(`keywatch_rejected_total{reason}`), in the header `__keywatch.errors.exception` of a dead letter, and in
the answers of commands. The class says what keywatch does about it:

| class | what keywatch does | exit code of a command |
|---|---|---|
"""
NOTE: Final = """
A reason may come with more than one class: `conflict` is refused where somebody else has decided, and tried
again where two writers met. Logs and messages say which key, file or setting it is about.

This page is made from the code by `python -m monitor.reference`.
"""


def page() -> str:
    """The whole page."""
    classes = "\n".join(f"| **{name}** | {does} | {code} |" for name, (does, code) in CLASSES.items())
    rows = "\n".join(f"| `{reason.value}` | {' | '.join(WORDS[reason])} |" for reason in Reason)
    head = "\n| reason | class | it means | what to do |\n|---|---|---|---|\n"
    return f"{INTRO}{classes}\n{NOTE}{head}{rows}\n"
