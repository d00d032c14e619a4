"""What the stores answer beyond the port."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from domain.errors import Reason, Refused
from domain.ports import KeyState
from domain.secret import Secret
from keystore.rate import RateStatus
from keystore.record import KeyDetails
from keystore.refusal import Refusal
from keystore.token import masked


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


@dataclass(frozen=True, slots=True)
class Verified:
    """A request that was let in, and whose it is."""

    key_id: str
    tenant: str
    owner: str
    name: str
    environment: str
    """``live``, ``test``: the second part of the key's prefix."""
    state: KeyState
    """``active``, or ``retiring`` for a key that was rotated and works until ``retires_ms``."""
    scopes: tuple[str, ...]
    expires_ms: int | None
    """When the key ends, epoch milliseconds; None is never."""
    retires_ms: int | None = None
    successor: str = ""
    rate: RateStatus | None = None
    """What is left of its rate limit; None for a key without one."""


@dataclass(frozen=True, slots=True)
class NotAccepted:
    """A request that was turned away. ``key_id``, ``tenant``, ``owner`` are "" while nobody is known.

    ``message`` says what to do, holds no secret, and names the key and the reason of its suspension:
    it is for the platform's log; what the caller may see is for the middleware to choose.
    """

    refusal: Refusal
    message: str
    key_id: str = ""
    tenant: str = ""
    owner: str = ""
    case_id: str = ""
    """The case for which keywatch suspended the key."""
    rate: RateStatus | None = None


@dataclass(frozen=True, slots=True)
class Usage:
    """How a key was used. A use is a request with its secret while the key was accepted, or would have
    been but for its scopes, networks or environment; what a rate limit refused is none."""

    last_used_ms: int | None = None
    """None for a key never used, or not since the store counts."""
    days: Mapping[int, int] = field(default_factory=dict)
    """Uses by UTC day (days since 1970-01-01) of the last 35; see :data:`keystore.usage.DAYS_KEPT`."""


def unknown_key(key_id: str) -> Refused:
    """The error for an id that the store does not know."""
    shown = masked(key_id)
    return Refused(
        Reason.NOT_FOUND, f"no key {shown!r} in the key store: check the id, or import the key first"
    )


def taken_key(key_id: str) -> Refused:
    """The error for registering an id that somebody else has."""
    return Refused(
        Reason.CONFLICT, f"key {key_id!r} was issued here, or is registered for another tenant or owner"
    )
