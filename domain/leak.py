"""A secret where only a key id belongs: how to tell, and what to call it instead."""

from __future__ import annotations

import hashlib
import re
import zlib
from typing import Final

ALPHABET: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
LEAKED_PREFIX: Final = "leaked_"

_SHAPE: Final = re.compile(r"^[a-z]{2,10}_[a-z]{2,10}_([0-9A-Za-z]{24,60})([0-9A-Za-z]{6})$")
_ANYWHERE: Final = re.compile(
    r"(?<![0-9A-Za-z])[a-z]{2,10}_[a-z]{2,10}_[0-9A-Za-z]{30,66}(?![0-9A-Za-z])", re.ASCII
)
_NAME: Final = re.compile(r"leaked_[0-9a-f]{32}")


def looks_like_secret(text: str) -> bool:
    """Whether the text has our tokens' prefix and a checksum tail that is right.

    The tail is the CRC-32 of the body in base 62, six digits, as in GitHub's tokens.
    """
    shape = _SHAPE.match(text)
    return shape is not None and _base62(zlib.crc32(shape[1].encode())) == shape[2]


def secrets_in(text: str) -> list[str]:
    """Every secret that stands somewhere in the text, in order."""
    return [found for found in _ANYWHERE.findall(text) if looks_like_secret(found)]


def without_secrets(text: str) -> str:
    """The text with the name of each secret in its place."""
    for found in secrets_in(text):
        text = text.replace(found, hashed_id(found))
    return text


def hashed_id(secret: str) -> str:
    """A name for a leaked secret that does not give it away: it has 143 random bits or more."""
    return LEAKED_PREFIX + hashlib.blake2b(secret.encode(), digest_size=16).hexdigest()


def names_leak(key_id: str) -> bool:
    """Whether this is a name by :func:`hashed_id`: somebody upstream met the secret and reports it.

    >>> names_leak(hashed_id("sk_live_x")), names_leak("leaked_")
    (True, False)
    """
    return _NAME.fullmatch(key_id) is not None


def _base62(number: int) -> str:
    digits = ""
    for _ in range(6):
        number, digit = divmod(number, 62)
        digits = ALPHABET[digit] + digits
    return digits
