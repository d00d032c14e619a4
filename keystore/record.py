"""What is stored of a key, and what is shown of it. Nothing here holds any part of a secret."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from domain.errors import Fatal, Reason
from domain.ports import KeyState, KeyStatus
from keystore.rate import RateLimit
from keystore.refusal import Refusal
from keystore.slow_hash import is_slow

_REFUSALS = {KeyState.SUSPENDED: Refusal.SUSPENDED, KeyState.EXPIRED: Refusal.EXPIRED}
_LISTS = ("scopes", "networks")


class KeyRecord(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One key as the store keeps it. Times are epoch milliseconds, None is never.

    ``state`` is what was last written; :meth:`state_at` also knows that time passes. ``hash`` is the
    HMAC of the secret, "" for a key whose secret lives elsewhere. ``case_id`` is set while keywatch
    holds the key, and empty when a person does. ``prior_state`` is where a reinstatement goes back to,
    and ``released_case`` the last case whose suspension ended: it may not suspend again. ``scopes`` and
    ``networks`` are as :mod:`keystore.scopes` and :mod:`keystore.networks` write them. A key that was
    rotated names its ``successor`` and works until ``retires_ms``, or was revoked at once. ``rate_limit`` 0
    is no limit. ``cell`` is :func:`keystore.token.cell_of` its secret, "" for a key that has none.
    ``made_by`` issued or imported it; "" in records of the first version, whose history says so instead.
    """

    key_id: str
    created_ms: int
    state: KeyState = KeyState.ACTIVE
    tenant: str = ""
    owner: str = ""
    name: str = ""
    prefix: str = ""
    hash: str = ""
    pepper_version: int = 0
    expires_ms: int | None = None
    scopes: tuple[str, ...] = ()
    prior_state: KeyState = KeyState.ACTIVE
    case_id: str = ""
    released_case: str = ""
    reason: str = ""
    suspended_by: str = ""
    suspension_expires_ms: int | None = None
    networks: tuple[str, ...] = ()
    rate_limit: int = 0
    rate_period_s: int = 0
    rate_burst: int = 0
    predecessor: str = ""
    successor: str = ""
    retires_ms: int | None = None
    cell: str = ""
    made_by: str = ""

    def state_at(self, now_ms: int) -> KeyState:
        """The state at a time: a key past its life is ``expired``, past its grace ``revoked``."""
        if self.state is KeyState.REVOKED or self.retired(now_ms):
            return KeyState.REVOKED
        return KeyState.EXPIRED if _past(self.expires_ms, now_ms) else self.state

    def retired(self, now_ms: int) -> bool:
        """Rotated, and past its time of grace, though that may not be written down yet."""
        return _past(self.retires_ms, now_ms)

    def refusal_at(self, now_ms: int) -> Refusal | None:
        """Why a request with this key is turned away whatever it asks for; None when it is not.

        A suspension that ran out stops nothing, even before its expiry was carried out.
        """
        state = self.state_at(now_ms)
        if state is KeyState.REVOKED:
            return Refusal.RETIRED if self.retired(now_ms) else Refusal.REVOKED
        if state is KeyState.SUSPENDED and self.suspension_ran_out(now_ms):
            return None
        return _REFUSALS.get(state)

    def beginning(self) -> HistoryEntry:
        """The first line of its history, which is not stored apart: most keys then need no history."""
        verb = "issue" if self.cell else "import"
        return HistoryEntry(self.created_ms, verb, "", KeyState.ACTIVE.value, "", self.made_by, "")

    @property
    def rate(self) -> RateLimit | None:
        """How often it may be used; None is without limit."""
        return RateLimit(self.rate_limit, self.rate_period_s, self.rate_burst) if self.rate_limit else None

    def suspension_ran_out(self, now_ms: int) -> bool:
        """Suspended, and past the end of that suspension."""
        return self.state is KeyState.SUSPENDED and _past(self.suspension_expires_ms, now_ms)

    def status(self, now_ms: int) -> KeyStatus:
        """As the port describes it."""
        return KeyStatus(
            key_id=self.key_id,
            state=self.state_at(now_ms),
            case_id=self.case_id,
            reason=self.reason,
            tenant=self.tenant,
            owner=self.owner,
            expires_ms=self.suspension_expires_ms,
        )

    def details(self, now_ms: int) -> KeyDetails:
        """What people may see of it."""
        return KeyDetails(
            status=self.status(now_ms),
            name=self.name,
            prefix=self.prefix,
            created_ms=self.created_ms,
            key_expires_ms=self.expires_ms,
            suspended_by=self.suspended_by,
            scopes=self.scopes,
            networks=self.networks,
            rate=self.rate,
            predecessor=self.predecessor,
            successor=self.successor,
            retires_ms=self.retires_ms,
            pepper_version=self.pepper_version,
            weak=is_slow(self.hash),
        )


@dataclass(frozen=True, slots=True)
class KeyDetails:
    """A key for lists and pages: its status and its description, without the hash."""

    status: KeyStatus
    name: str
    prefix: str
    created_ms: int
    key_expires_ms: int | None
    """When the key itself ends; ``status.expires_ms`` is when its suspension does."""
    suspended_by: str
    scopes: tuple[str, ...]
    networks: tuple[str, ...]
    rate: RateLimit | None
    predecessor: str
    """The key that this one replaced, "" for none."""
    successor: str
    """The key that replaced this one, "" for none."""
    retires_ms: int | None
    """When a replaced key stops working."""
    pepper_version: int
    """The pepper that its hash was made with; 0 for a key whose secret lives elsewhere."""
    weak: bool
    """Imported with its secret, of which nothing is known: kept under Argon2, and to be rotated."""


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """One line of a key's own history. ``at_ms`` is the caller's clock."""

    at_ms: int
    verb: str
    before: str
    after: str
    case_id: str
    by: str
    reason: str


def lifted(record: KeyRecord) -> KeyRecord:
    """The record after its suspension ended, whoever ended it."""
    return msgspec.structs.replace(
        record,
        state=record.prior_state,
        prior_state=KeyState.ACTIVE,
        case_id="",
        released_case=record.case_id or record.released_case,
        reason="",
        suspended_by="",
        suspension_expires_ms=None,
    )


def to_fields(record: KeyRecord) -> dict[str, str]:
    """As fields of a hash; "" is None or nothing. Lists have a space between, as scopes in RFC 6749."""
    values = msgspec.structs.asdict(record)
    values |= {name: " ".join(values[name]) for name in _LISTS}
    return {name: "" if value is None else str(value) for name, value in values.items()}


def from_fields(fields: Mapping[bytes, bytes]) -> KeyRecord:
    """Inverse of :func:`to_fields`; unknown fields, of a later version, are left alone.

    Raises ``Fatal(CORRUPT)``.
    """
    try:
        values: dict[str, object] = {k.decode(): v.decode() for k, v in fields.items() if v}
        values |= {name: fields.get(name.encode(), b"").decode().split() for name in _LISTS}
        return msgspec.convert(values, KeyRecord, strict=False)
    except (UnicodeDecodeError, msgspec.ValidationError) as error:
        raise Fatal(
            Reason.CORRUPT, f"key store: the record of {fields.get(b'key_id')!r} cannot be read: {error}"
        ) from error


def _past(moment_ms: int | None, now_ms: int) -> bool:
    return moment_ms is not None and moment_ms <= now_ms
