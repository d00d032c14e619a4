"""What may be stored: checked before anything is sent, so that a bad value changes nothing."""

from __future__ import annotations

import unicodedata
from typing import Final

from domain.errors import Reason, Rejected
from domain.event import MAX_KEY_ID_BYTES
from keystore.token import masked

MAX_TEXT_CHARS: Final = 1000
"""Longest name or reason; they are shown in tables and messages."""
MAX_PAGE: Final = 1000


def check_key_id(key_id: str) -> None:
    """Identity is the exact bytes: no folding, no trimming. Raises ``Rejected(BAD_KEY_ID)``."""
    if not 0 < len(key_id.encode(errors="replace")) <= MAX_KEY_ID_BYTES:
        raise Rejected(
            Reason.BAD_KEY_ID, f"key id: 1 to {MAX_KEY_ID_BYTES} bytes of UTF-8, got {len(key_id)} letters"
        )
    if _unprintable(key_id):
        raise Rejected(Reason.BAD_KEY_ID, "key id: holds a control character or half a surrogate pair")
    if masked(key_id) != key_id:
        raise Rejected(Reason.BAD_KEY_ID, "key id: holds a whole secret; the id is public and another text")


def check_text(what: str, text: str, *, required: bool = False) -> None:
    """Raises ``Rejected(WRONG_TYPE)`` for text that is too long, holds a secret or commands a terminal."""
    if required and not text:
        raise Rejected(Reason.WRONG_TYPE, f"{what}: must not be empty")
    if len(text) > MAX_TEXT_CHARS:
        raise Rejected(Reason.WRONG_TYPE, f"{what}: {len(text)} characters, at most {MAX_TEXT_CHARS}")
    if _unprintable(text):
        raise Rejected(Reason.WRONG_TYPE, f"{what}: holds a control character or half a surrogate pair")
    if masked(text) != text:
        raise Rejected(Reason.WRONG_TYPE, f"{what}: holds a whole secret, which would be shown to people")


def one_line(text: str) -> str:
    """Text for a record, made harmless rather than refused: a suspension must not fail on its reason.

    >>> one_line("burst from\\x1b[2J 198.18.0.0/24")
    'burst from [2J 198.18.0.0/24'
    """
    harmless = "".join(" " if _unprintable(letter) else letter for letter in text)
    return masked(harmless)[:MAX_TEXT_CHARS]


def check_lifetime(expires_s: int | None) -> None:
    """Raises ``Rejected(WRONG_TYPE)`` for a key that would be born expired."""
    if expires_s is not None and expires_s <= 0:
        raise Rejected(Reason.WRONG_TYPE, f"a key's life: {expires_s} s, must be above 0")


def check_limit(limit: int) -> None:
    """Raises ``Rejected(WRONG_TYPE)``."""
    if not 1 <= limit <= MAX_PAGE:
        raise Rejected(Reason.WRONG_TYPE, f"limit: {limit}, must be 1 to {MAX_PAGE}")


def _unprintable(text: str) -> bool:
    return any(unicodedata.category(letter) in ("Cc", "Cs") for letter in text)
