"""What the stores answer beyond the port."""

from __future__ import annotations

from dataclasses import dataclass

from domain.errors import Reason, Refused
from domain.ports import KeyStatus
from domain.secret import Secret
from keystore.record import KeyDetails


@dataclass(frozen=True, slots=True)
class Issued:
    """A new key. This is the only moment at which its secret exists outside its owner's hands."""

    key_id: str
    secret: Secret
    expires_ms: int | None
    """When the key ends, epoch milliseconds; None is never."""


@dataclass(frozen=True, slots=True)
class KeyPage:
    """Some keys, newest first. An empty ``cursor`` says there are no more; a page may be short."""

    keys: tuple[KeyDetails, ...]
    cursor: str


@dataclass(frozen=True, slots=True, order=True)
class DueExpiry:
    """A suspension that may have run out; ``due_ms`` is never later than its end. Sorts by it."""

    due_ms: int
    key_id: str
    case_id: str


class NotAccepted(Refused):
    """A key of ours that may not be used now (``DENIED``); ``status`` says which and why."""

    def __init__(self, status: KeyStatus) -> None:
        super().__init__(
            Reason.DENIED, f"key {status.key_id} is {status.state}: {status.reason or 'no reason given'}"
        )
        self.status = status


def unknown_key(key_id: str) -> Refused:
    """The error for an id that the store does not know."""
    return Refused(
        Reason.NOT_FOUND, f"no key {key_id!r} in the key store: check the id, or import the key first"
    )


def taken_key(key_id: str) -> Refused:
    """The error for registering an id that somebody else has."""
    return Refused(
        Reason.CONFLICT, f"key {key_id!r} was issued here, or is registered for another tenant or owner"
    )
