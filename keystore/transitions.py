"""The rules by which a key changes state, as a pure function.

The in-memory store runs this; the Redis store runs the same rules as a script on the server
(:data:`keystore.scripts.TRANSITION`), and a state machine test holds the two together.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import msgspec

from domain.errors import Reason, Refused
from domain.ports import KeyState
from keystore.record import KeyRecord, lifted

KEYWATCH: Final = "keywatch"
"""Who suspends when a case does."""


class Verb(StrEnum):
    """What can be done to a key. ``_manually`` is a person's act, which no case undoes."""

    SUSPEND = "suspend"
    REINSTATE = "reinstate"
    SUSPEND_MANUALLY = "suspend_manually"
    REINSTATE_MANUALLY = "reinstate_manually"
    EXPIRE = "expire"
    """A suspension ran out."""
    REVOKE = "revoke"
    ROTATE = "rotate"
    """Replaced by a successor: it works until its time of grace is over."""
    RETIRE = "retire"
    """That time is over."""


ALWAYS: Final = (Verb.EXPIRE, Verb.REVOKE, Verb.RETIRE)
"""What may be done to a key that is revoked or expired, and then changes little."""


@dataclass(frozen=True, slots=True)
class Change:
    """One act. ``expires_ms`` is when a suspension, or the grace of a rotated key, ends by itself.

    For ``reinstate_manually``, ``case_id`` is the case that the person saw holding the key, "" for none.
    """

    verb: Verb
    case_id: str = ""
    by: str = KEYWATCH
    reason: str = ""
    expires_ms: int | None = None
    successor: str = ""


def apply(record: KeyRecord, change: Change, now_ms: int) -> KeyRecord:
    """The record afterwards: the very same object when there is nothing left to do.

    Raises ``Refused`` with ``ILLEGAL_STATE``, ``NOT_OURS`` or ``CONFLICT``.
    """
    if change.verb is Verb.ROTATE and record.successor == change.successor:
        return record
    alive = record.state_at(now_ms) not in (KeyState.REVOKED, KeyState.EXPIRED)
    if not alive and change.verb not in ALWAYS:
        raise refusal(Reason.ILLEGAL_STATE, record, change, now_ms)
    outcome = _RULES[change.verb](record, change, now_ms)
    if isinstance(outcome, Reason):
        raise refusal(outcome, record, change, now_ms)
    return outcome


def refusal(reason: Reason, record: KeyRecord, change: Change, now_ms: int) -> Refused:
    """The error that tells a person why, in the state the key was found in."""
    state = record.state_at(now_ms)
    holder = f"case {record.case_id}" if record.case_id else (record.suspended_by or "nobody")
    if reason is Reason.ILLEGAL_STATE:
        why = f"it is {state}, which is final"
    elif change.verb is Verb.ROTATE:
        why = f"it was replaced by {record.successor}: rotate that one, or revoke this one to stop it now"
    elif reason is Reason.CONFLICT and record.released_case == change.case_id:
        why = f"case {change.case_id} was ended before; open a new case"
    else:
        why = f"it is {state}, held by {holder}"
    return Refused(reason, f"cannot {change.verb.replace('_', ' ')} key {record.key_id}: {why}")


def _suspend(record: KeyRecord, change: Change, now_ms: int) -> KeyRecord | Reason:
    held = record.state is KeyState.SUSPENDED
    if held and record.case_id == change.case_id:
        return record
    if record.released_case == change.case_id:
        return Reason.CONFLICT
    if held and not record.case_id:
        return Reason.NOT_OURS
    return Reason.CONFLICT if held and not record.suspension_ran_out(now_ms) else _held(record, change)


def _reinstate(record: KeyRecord, change: Change, _: int) -> KeyRecord | Reason:
    if record.state is KeyState.SUSPENDED:
        return lifted(record) if record.case_id == change.case_id else Reason.NOT_OURS
    return record if record.released_case == change.case_id else Reason.NOT_OURS


def _suspend_manually(record: KeyRecord, change: Change, _: int) -> KeyRecord:
    held_by_person = record.state is KeyState.SUSPENDED and not record.case_id
    return record if held_by_person else _held(record, change)


def _reinstate_manually(record: KeyRecord, change: Change, _: int) -> KeyRecord | Reason:
    if record.state is not KeyState.SUSPENDED:
        return record
    return lifted(record) if record.case_id == change.case_id else Reason.CONFLICT


def _expire(record: KeyRecord, change: Change, now_ms: int) -> KeyRecord:
    over = record.suspension_ran_out(now_ms) and record.case_id == change.case_id
    return lifted(record) if over else record


def _revoke(record: KeyRecord, change: Change, _: int) -> KeyRecord:
    if record.state is KeyState.REVOKED:
        return record
    return msgspec.structs.replace(_ended(record, change.reason), retires_ms=None)


def _rotate(record: KeyRecord, change: Change, now_ms: int) -> KeyRecord | Reason:
    if record.successor:
        return Reason.CONFLICT
    rotated = msgspec.structs.replace(record, successor=change.successor, retires_ms=change.expires_ms)
    if rotated.retired(now_ms):
        return _revoke(rotated, change, now_ms)
    if record.state is KeyState.SUSPENDED:
        return msgspec.structs.replace(rotated, prior_state=KeyState.RETIRING)
    return msgspec.structs.replace(rotated, state=KeyState.RETIRING)


def _retire(record: KeyRecord, _: Change, now_ms: int) -> KeyRecord:
    if record.state is KeyState.REVOKED or not record.retired(now_ms):
        return record
    return _ended(record, f"replaced by {record.successor}")


def _ended(record: KeyRecord, reason: str) -> KeyRecord:
    return msgspec.structs.replace(lifted(record), state=KeyState.REVOKED, reason=reason)


def _held(record: KeyRecord, change: Change) -> KeyRecord:
    prior = record.prior_state if record.state is KeyState.SUSPENDED else record.state
    return msgspec.structs.replace(
        record,
        state=KeyState.SUSPENDED,
        prior_state=prior,
        case_id=change.case_id,
        released_case=record.case_id or record.released_case,
        reason=change.reason,
        suspended_by=change.by,
        suspension_expires_ms=change.expires_ms,
    )


_RULES: Final[Mapping[Verb, Callable[[KeyRecord, Change, int], KeyRecord | Reason]]] = {
    Verb.SUSPEND: _suspend,
    Verb.REINSTATE: _reinstate,
    Verb.SUSPEND_MANUALLY: _suspend_manually,
    Verb.REINSTATE_MANUALLY: _reinstate_manually,
    Verb.EXPIRE: _expire,
    Verb.REVOKE: _revoke,
    Verb.ROTATE: _rotate,
    Verb.RETIRE: _retire,
}
