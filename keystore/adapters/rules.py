"""When a vendor's key is stopped, started or left alone, as pure functions.

From what we remember (a hold) and what the vendor says (found), never from one of them alone: the
vendor does not know who turned a key off, and we do not see what people do there.
"""

from __future__ import annotations

from enum import Enum
from typing import Final

from domain.errors import Reason
from domain.ports import KeyState
from keystore.adapters.priors import Hold
from keystore.adapters.vendor import Found

FINAL: Final = (KeyState.REVOKED, KeyState.EXPIRED)


class Step(Enum):
    """What is left to do."""

    DONE = "done"
    STOP = "stop"
    TAKE_OVER = "take over"
    """The key stays stopped, but for another case: the one that held it ran out."""
    START = "start"
    LET_GO = "let go"
    """Somebody started the key already; we only have to forget it."""


def is_ours(hold: Hold | None, found: Found) -> bool:
    """Whether a key that is stopped was stopped by us: we remember it, and the vendor does not disagree."""
    return hold is not None and hold.holds and found.mark in (None, hold.mark)


def on_suspend(hold: Hold | None, found: Found, case_id: str, now_ms: int) -> Step | Reason:
    """What suspending takes, or why it is refused. ``case_id`` "" is a person, who may take over from a case.

    A case that was ended does not suspend again: its finding may only be late, and a person may have
    decided in between.
    """
    if found.state in FINAL:
        return Reason.ILLEGAL_STATE
    if found.state is KeyState.SUSPENDED:
        return _on_suspend_stopped(hold, found, case_id, now_ms)
    ended = hold is not None and case_id and hold.has_ended(case_id)
    return Reason.CONFLICT if ended else Step.STOP


def _on_suspend_stopped(hold: Hold | None, found: Found, case_id: str, now_ms: int) -> Step | Reason:
    if hold is None or not is_ours(hold, found):
        return Reason.NOT_OURS if case_id else Step.DONE
    if hold.case_id == case_id:
        return Step.DONE
    if case_id and not hold.case_id:
        return Reason.NOT_OURS
    return Step.TAKE_OVER if not case_id or hold.ran_out(now_ms) else Reason.CONFLICT


def on_reinstate(hold: Hold | None, found: Found, case_id: str) -> Step | Reason:
    """What reinstating takes, or why it is refused. ``case_id`` "" is a person, who may end any of our holds.

    A key that is stopped is started only if it was we who stopped it.
    """
    if found.state in FINAL:
        return Reason.ILLEGAL_STATE
    stopped = found.state is KeyState.SUSPENDED
    if hold is None or (case_id and hold.case_id != case_id):
        return Reason.NOT_OURS if stopped or case_id else Step.DONE
    if not stopped:
        return Step.LET_GO if hold.holds else Step.DONE
    return Step.START if is_ours(hold, found) else Reason.NOT_OURS
