"""The rules by which a key changes state, as a pure function.

The in-memory store runs this; the Redis store runs the same rules as a script on the server
(:data:`keystore.scripts.TRANSITION`), and a state machine test holds the two together.
"""

from __future__ import annotations

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
    REVOKE = "revoke"


@dataclass(frozen=True, slots=True)
class Change:
    """One act. ``expires_ms`` is when a suspension ends by itself.

    For ``reinstate_manually``, ``case_id`` is the case that the person saw holding the key, "" for none.
    """

    verb: Verb
    case_id: str = ""
    by: str = KEYWATCH
    reason: str = ""
    expires_ms: int | None = None


def apply(record: KeyRecord, change: Change, now_ms: int) -> KeyRecord:
    """The record afterwards: the very same object when there is nothing left to do.

    Raises ``Refused`` with ``ILLEGAL_STATE``, ``NOT_OURS`` or ``CONFLICT``.
    """
    alive = record.state_at(now_ms) not in (KeyState.REVOKED, KeyState.EXPIRED)
    if not alive and change.verb not in (Verb.EXPIRE, Verb.REVOKE):
        raise refusal(Reason.ILLEGAL_STATE, record, change, now_ms)
    outcome = _outcome(record, change, record.suspension_ran_out(now_ms))
    if isinstance(outcome, Reason):
        raise refusal(outcome, record, change, now_ms)
    return outcome


def refusal(reason: Reason, record: KeyRecord, change: Change, now_ms: int) -> Refused:
    """The error that tells a person why, in the state the key was found in."""
    state = record.state_at(now_ms)
    holder = f"case {record.case_id}" if record.case_id else (record.suspended_by or "nobody")
    if reason is Reason.ILLEGAL_STATE:
        why = f"it is {state}, which is final"
    elif reason is Reason.CONFLICT and record.released_case == change.case_id:
        why = f"case {change.case_id} was ended before; open a new case"
    else:
        why = f"it is {state}, held by {holder}"
    return Refused(reason, f"cannot {change.verb.replace('_', ' ')} key {record.key_id}: {why}")


def _outcome(record: KeyRecord, change: Change, ran_out: bool) -> KeyRecord | Reason:
    match change.verb:
        case Verb.SUSPEND:
            return _suspend(record, change, ran_out)
        case Verb.REINSTATE:
            return _reinstate(record, change)
        case Verb.SUSPEND_MANUALLY:
            held_by_person = record.state is KeyState.SUSPENDED and not record.case_id
            return record if held_by_person else _held(record, change)
        case Verb.REINSTATE_MANUALLY:
            return _reinstate_manually(record, change)
        case Verb.EXPIRE:
            return lifted(record) if ran_out and record.case_id == change.case_id else record
        case Verb.REVOKE:
            return _revoke(record, change)


def _suspend(record: KeyRecord, change: Change, ran_out: bool) -> KeyRecord | Reason:
    held = record.state is KeyState.SUSPENDED
    if held and record.case_id == change.case_id:
        return record
    if record.released_case == change.case_id:
        return Reason.CONFLICT
    if held and not record.case_id:
        return Reason.NOT_OURS
    return Reason.CONFLICT if held and not ran_out else _held(record, change)


def _reinstate(record: KeyRecord, change: Change) -> KeyRecord | Reason:
    if record.state is KeyState.SUSPENDED:
        return lifted(record) if record.case_id == change.case_id else Reason.NOT_OURS
    return record if record.released_case == change.case_id else Reason.NOT_OURS


def _reinstate_manually(record: KeyRecord, change: Change) -> KeyRecord | Reason:
    if record.state is not KeyState.SUSPENDED:
        return record
    return lifted(record) if record.case_id == change.case_id else Reason.CONFLICT


def _revoke(record: KeyRecord, change: Change) -> KeyRecord:
    if record.state is KeyState.REVOKED:
        return record
    return msgspec.structs.replace(lifted(record), state=KeyState.REVOKED, reason=change.reason)


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
