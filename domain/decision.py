"""What policy makes of a finding."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class Action(StrEnum):
    """In rising order of consequence."""

    OBSERVE = "observe"
    ALERT = "alert"
    SUSPEND = "suspend"

    @property
    def rank(self) -> int:
        """0 for observe, 1 for alert, 2 for suspend."""
        return (Action.OBSERVE, Action.ALERT, Action.SUSPEND).index(self)


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """The action, the policy rule that chose it, and why it was lowered if it was.

    ``dry_run`` says that a suspension would have happened and did not.
    """

    action: Action
    rule: str
    why: str
    dry_run: bool = False
    held_back: str = ""
    """Why a suspension the rule asked for was not made: dry run, protected key, budget, cold baseline."""
