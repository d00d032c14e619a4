"""Signed webhooks as Standard Webhooks has them: id, time and HMAC in headers, JSON in the body."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from typing import Any, Final

import httpx
import msgspec

from domain.clock import Clock
from domain.errors import Fatal, Reason, Refused, Transient
from domain.secret import Secret

PREFIX: Final = "whsec_"
LEAST_KEY: Final = 24


class Webhook:
    """``url`` may hold a token and is never shown. No redirects: the other side is who it was set to be.

    ``transport`` replaces the network. Blocks for one request.
    """

    def __init__(
        self,
        url: Secret,
        key: Secret,
        clock: Clock,
        timeout_s: float = 10.0,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._url = url
        self._key = key_bytes(key)
        self._clock = clock
        self._client = httpx.Client(timeout=timeout_s, follow_redirects=False, transport=transport)

    def post(self, unique: str, body: dict[str, Any]) -> None:
        """``unique`` makes the webhook-id: the same message sent again has the same.

        Raises ``Transient`` for 408, 429, 5xx and no answer, ``Refused`` for the rest.
        """
        raw = msgspec.json.encode(body)
        number = f"msg_{hashlib.sha256(unique.encode()).hexdigest()[:32]}"
        headers = {"content-type": "application/json", **signed(self._key, number, self._clock.now(), raw)}
        try:
            answer = self._client.post(self._url.reveal(), content=raw, headers=headers)
        except httpx.TimeoutException:
            raise Transient(Reason.TIMEOUT, "the webhook did not answer in time") from None
        except httpx.HTTPError as error:
            raise Transient(
                Reason.UNREACHABLE, f"the webhook did not answer: {type(error).__name__}"
            ) from None
        _judge(answer)


def signed(key: bytes, number: str, now: float, raw: bytes) -> dict[str, str]:
    """The three headers: ``v1,<base64 HMAC-SHA-256(id.timestamp.body)>``."""
    stamp = str(int(now))
    digest = hmac.new(key, f"{number}.{stamp}.".encode() + raw, hashlib.sha256).digest()
    signature = f"v1,{base64.b64encode(digest).decode()}"
    return {"webhook-id": number, "webhook-timestamp": stamp, "webhook-signature": signature}


def key_bytes(key: Secret) -> bytes:
    """The bytes of a ``whsec_`` key. Raises ``Fatal`` for one that is not base64 or too short."""
    text = key.reveal()
    try:
        raw = base64.b64decode(text.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    if len(raw) < LEAST_KEY:
        raise Fatal(
            Reason.CONFIG, f"webhook key: {PREFIX} and the base64 of at least {LEAST_KEY} random bytes"
        )
    return raw


def _judge(answer: httpx.Response) -> None:
    code = answer.status_code
    if code < 300 or code in (409, 410):
        return
    if code in (408, 429) or code >= 500:
        asked = answer.headers.get("retry-after", "")
        wait = float(asked) if asked.isdigit() else None
        reason = Reason.THROTTLED if code == 429 else Reason.SERVER_ERROR
        raise Transient(reason, f"the webhook answered {code}", wait)
    raise Refused(Reason.DENIED, f"the webhook refused the message ({code}): check its address and key")
