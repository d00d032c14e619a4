"""Owners of keys are told what happened to their key and why, and what they can do."""

from __future__ import annotations

from typing import Final

from alerting.delivery.errands import OwnerEvent, TellOwner, item_of
from alerting.notifiers.mail import Mailer, checked_address
from alerting.notifiers.text import shown
from alerting.notifiers.webhook import Webhook
from alerting.silencing import utc
from domain.ports import KeyStore

_SAYS: Final = {
    OwnerEvent.SUSPENDED: "was suspended: requests with it are refused",
    OwnerEvent.REINSTATED: "works again",
    OwnerEvent.REVOKED: "was revoked for good: it will not work again",
    OwnerEvent.EXPIRES: "ends soon: please replace it before it does",
    OwnerEvent.ROTATED: "was replaced: please use the new one from now on",
    OwnerEvent.ROTATE: "should be replaced: please issue a new one and stop using this one",
}


class OwnerMail:
    """To the owner that the key store names, if that is a mail address. ``contact`` says whom to ask."""

    def __init__(self, mailer: Mailer, keys: KeyStore, contact: str) -> None:
        self._mailer = mailer
        self._keys = keys
        self._contact = contact

    def tell(self, errand: TellOwner) -> None:
        to = checked_address(self._keys.describe(errand.key_id).owner)
        key_id = shown(errand.key_id)
        lines = [f"Your API key {key_id} {_SAYS[errand.event]}.", "", f"Why: {shown(errand.why)}"]
        if errand.event is OwnerEvent.SUSPENDED and errand.expires_ms:
            lines.append(f"It works again by itself on {utc(errand.expires_ms)} UTC unless somebody decides.")
        if errand.event in (OwnerEvent.SUSPENDED, OwnerEvent.REVOKED):
            lines += [
                "",
                "If this was you, answer with the reference below. If it was not, the key has leaked:",
            ]
            lines += ["replace it, and look where it was stored."]
        if errand.case_id:
            lines += ["", f"Reference: {errand.case_id}"]
        if self._contact:
            lines.append(f"Contact: {self._contact}")
        subject = f"Your API key {key_id} {_SAYS[errand.event].partition(':')[0]}"
        self._mailer.send(to, subject, lines, item_of(errand))


class OwnerWebhook:
    """To the operator's own system, which knows how to reach owners."""

    def __init__(self, webhook: Webhook, keys: KeyStore) -> None:
        self._webhook = webhook
        self._keys = keys

    def tell(self, errand: TellOwner) -> None:
        ahead = errand.event in (OwnerEvent.EXPIRES, OwnerEvent.ROTATED)
        status = self._keys.describe(errand.key_id)
        self._webhook.post(
            item_of(errand),
            {
                "type": errand.event.value,
                "key_id": errand.key_id,
                "tenant": status.tenant,
                "owner": status.owner,
                "reason": errand.why,
                "case_id": errand.case_id,
                "suspension_ends_ms": None if ahead else errand.expires_ms,
                "key_ends_ms": errand.expires_ms if ahead else None,
            },
        )
