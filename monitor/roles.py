"""What one process does: everything, or one of the parts that scale apart."""

from __future__ import annotations

from enum import StrEnum
from typing import Protocol


class Role(StrEnum):
    """``consume`` reads events and finds; ``alert`` acts on findings and tells; ``console`` is for people."""

    ALL = "all"
    CONSUME = "consume"
    ALERT = "alert"
    CONSOLE = "console"


class Service(Protocol):
    """A role at work."""

    def run(self) -> None:
        """Work until :meth:`stop`; raises what ended it otherwise."""

    def stop(self) -> None:
        """Finish what is at hand and return from :meth:`run`. Safe in a signal handler."""

    def reload(self) -> None:
        """Take up changed files soon. Safe in a signal handler."""

    def summary(self) -> dict[str, int]:
        """What was done, for the last line of the log."""
