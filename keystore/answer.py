"""The second half of a verification: may the key do what this request asks. No I/O."""

from __future__ import annotations

from typing import Final

from domain.ports import KeyState
from keystore.admission import Admission
from keystore.networks import network_allowed
from keystore.record import KeyRecord
from keystore.refusal import Refusal
from keystore.request import Request
from keystore.results import NotAccepted, Verified
from keystore.scopes import scope_refusal
from keystore.token import environment_of

MALFORMED: Final = NotAccepted(Refusal.MALFORMED, "not the text of a key: check that it was copied whole")
UNKNOWN: Final = NotAccepted(
    Refusal.UNKNOWN_KEY, "no key of this store: check that it belongs to this platform and environment"
)
_WHY: Final = {
    Refusal.SUSPENDED: "is suspended: {reason}",
    Refusal.REVOKED: "was revoked: {reason}",
    Refusal.RETIRED: "was replaced by {successor} and its time of grace is over: use the new key",
    Refusal.EXPIRED: "is past its life: ask for a new key",
    Refusal.RATE_LIMITED: "is over its limit of {rate} requests: wait {wait:.3g} s",
    Refusal.WRONG_ENVIRONMENT: "is for {environment}, not for this environment: use the key made for it",
    Refusal.IP_NOT_ALLOWED: "may not be used from this address: use it from its networks, or widen them",
    Refusal.ENDPOINT_NOT_ALLOWED: "has no scope that opens this path",
    Refusal.METHOD_NOT_ALLOWED: "has a scope for this path, but not with this method",
}


def answer(admission: Admission, request: Request) -> Verified | NotAccepted:
    """The verdict on a request with a key that was found."""
    record = admission.record
    refusal = admission.refusal or request_refusal(record, request)
    if refusal is not None:
        return _turned_away(admission, refusal)
    return Verified(
        key_id=record.key_id,
        tenant=record.tenant,
        owner=record.owner,
        name=record.name,
        environment=environment_of(record.prefix),
        state=KeyState.ACTIVE if record.retires_ms is None else KeyState.RETIRING,
        scopes=record.scopes,
        expires_ms=record.expires_ms,
        retires_ms=record.retires_ms,
        successor=record.successor,
        rate=admission.rate,
    )


def request_refusal(record: KeyRecord, request: Request) -> Refusal | None:
    """Environment, then address, then endpoint and method: the first that does not fit."""
    if request.environment and request.environment != environment_of(record.prefix):
        return Refusal.WRONG_ENVIRONMENT
    if not network_allowed(record.networks, request.ip):
        return Refusal.IP_NOT_ALLOWED
    return scope_refusal(record.scopes, request.method, request.path)


def _turned_away(admission: Admission, refusal: Refusal) -> NotAccepted:
    record, rate = admission.record, admission.rate
    why = _WHY[refusal].format(
        reason=record.reason or "no reason given",
        successor=record.successor,
        rate=record.rate,
        wait=rate.retry_after_s if rate else 0.0,
        environment=environment_of(record.prefix) or "no environment",
    )
    return NotAccepted(
        refusal=refusal,
        message=f"key {record.key_id} {why}",
        key_id=record.key_id,
        tenant=record.tenant,
        owner=record.owner,
        case_id=record.case_id,
        rate=rate,
    )
