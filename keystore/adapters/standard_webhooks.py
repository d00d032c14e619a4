"""Signatures of the Standard Webhooks specification, 1.0.0: https://www.standardwebhooks.com."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from typing import Final

from domain.errors import Fatal, Reason
from domain.secret import Secret

PREFIX: Final = "whsec_"
MIN_SECRET_BYTES: Final = 24
MAX_SECRET_BYTES: Final = 64


class Signer:
    """Signs with each secret, so that a receiver may still check by the old one while it is replaced.

    Parameters
    ----------
    secrets
        As the specification writes them: base64 of 24 to 64 bytes, with ``whsec_`` before it or not.

    Raises ``Fatal(CREDENTIALS)`` for a secret that is not so.

    >>> signer = Signer([Secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")])
    >>> signer.signature("msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
    'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE='
    """

    def __init__(self, secrets: Sequence[Secret]) -> None:
        self._keys = tuple(_decoded(secret) for secret in secrets)
        if not self._keys:
            raise Fatal(Reason.CREDENTIALS, "keystore.webhook: there is no secret to sign with")

    def headers(self, message_id: str, timestamp_s: int, payload: bytes) -> Mapping[str, str]:
        """The three headers. ``message_id`` stays the same however often a message is sent."""
        return {
            "webhook-id": message_id,
            "webhook-timestamp": str(timestamp_s),
            "webhook-signature": self.signature(message_id, timestamp_s, payload),
        }

    def signature(self, message_id: str, timestamp_s: int, payload: bytes) -> str:
        """One signature a secret, with a space between."""
        if "." in message_id:
            raise ValueError("a full stop in a message id would make the signed text ambiguous")
        text = f"{message_id}.{timestamp_s}.".encode() + payload
        digests = (hmac.digest(key, text, hashlib.sha256) for key in self._keys)
        return " ".join(f"v1,{base64.b64encode(digest).decode()}" for digest in digests)


def _decoded(secret: Secret) -> bytes:
    try:
        key = base64.b64decode(secret.reveal().removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not MIN_SECRET_BYTES <= len(key) <= MAX_SECRET_BYTES:
        raise Fatal(
            Reason.CREDENTIALS,
            f"keystore.webhook: a secret must be {PREFIX} and base64 of {MIN_SECRET_BYTES} to "
            f"{MAX_SECRET_BYTES} random bytes",
        )
    return key
