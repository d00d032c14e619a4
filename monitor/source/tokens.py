"""Bearer tokens for SASL OAUTHBEARER, the same for both Kafka clients."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec

from domain.clock import Clock
from domain.errors import Fatal, Reason, Refused
from domain.secret import Secret
from keystore.adapters.http import Answer
from keystore.adapters.tokens import read_secret

LIFE_S: Final = 300.0
"""How long a token is good that does not say so: then it is read, or asked for, again."""
USED_SHARE: Final = 0.8
"""Of a token's life; past it a new one is fetched, as librdkafka does."""


@dataclass(frozen=True, slots=True)
class Token:
    """``until_s``: seconds since the epoch."""

    value: Secret
    until_s: float


Tokens = Callable[[], Token]
"""A token that is good now. Raises ``Fatal`` when there will be none, ``Transient`` when it may pass."""


class _Claims(msgspec.Struct):
    exp: float | None = None


class _Granted(msgspec.Struct):
    access_token: str
    expires_in: float = LIFE_S


def file_tokens(path: Path, clock: Clock) -> Tokens:
    """A token that somebody else renews in a file, read at each use."""

    def read() -> Token:
        value = read_secret(path)
        return Token(value, _expiry(value.reveal()) or clock.now() + LIFE_S)

    return read


def granted_tokens(ask: Callable[[], Answer], clock: Clock) -> Tokens:
    """Tokens of a token endpoint, by client credentials (RFC 6749, 4.4); kept for most of their life.

    Safe from two threads: both may ask, either answer is good.
    """
    kept: list[tuple[Token, float]] = []

    def current() -> Token:
        now_s = clock.now()
        if kept and now_s < kept[-1][1]:
            return kept[-1][0]
        try:
            found = ask().into(_Granted)
        except Refused as error:
            raise Fatal(
                Reason.CREDENTIALS, f"kafka_oauth: {error}: check client_id and the secret"
            ) from error
        token = Token(Secret(found.access_token), now_s + found.expires_in)
        kept[:] = [(token, now_s + USED_SHARE * found.expires_in)]
        return token

    return current


def _expiry(token: str) -> float | None:
    """``exp`` of a JWT, which only whom it is for can verify; None for other tokens."""
    parts = token.split(".")
    if len(parts) != 3:
        return None
    try:
        claims = base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4))
        return msgspec.json.decode(claims, type=_Claims).exp
    except (binascii.Error, ValueError, msgspec.MsgspecError):
        return None


def librdkafka_callback(tokens: Tokens, failed: Callable[[Exception], None]) -> Any:
    """What librdkafka asks when a token runs out; it tells us little of an error, so ``failed`` gets it."""

    def callback(_: str) -> tuple[str, float]:
        try:
            token = tokens()
        except Exception as error:
            failed(error)
            raise
        return token.value.reveal(), token.until_s

    return callback
