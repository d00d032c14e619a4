"""Stopping a key by hand, the same for pages and programs."""

from __future__ import annotations

from console.services import Services
from domain.errors import Reason, Refused
from domain.ports import KeyStatus


def suspend_by_hand(services: Services, who: str, key_id: str, reason: str) -> KeyStatus:
    """Until a person lets it go; audited first, or it is not done. Raises ``Refused`` where the key store
    cannot do that from here, and as a key store.
    """
    if services.people is None:
        raise Refused(Reason.ILLEGAL_STATE, "this key store cannot suspend a key by hand from here")
    services.audit.write(who=who, what="suspend key by hand", key_id=key_id, case_id="", why=reason)
    return services.people.suspend_manually(key_id, who, reason)
