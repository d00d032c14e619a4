"""The text of an issued key: what it looks like, and how to tell it from any other string.

``sk_live_`` + 43 base62 characters (256 random bits) + 6 base62 characters of CRC-32 of those 43, the
layout of GitHub's tokens. The prefix says whose key it is and lets scanners find it in code; the
checksum rejects typing errors and look-alikes without asking the store.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import zlib
from typing import Final

from domain.errors import Reason, Rejected
from domain.leak import secrets_in
from domain.secret import MASK, Secret

ALPHABET: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
DEFAULT_PREFIX: Final = "sk_live"
SECRET_BITS: Final = 256
BODY_CHARS: Final = 43
"""The fewest base62 digits that hold 256 bits: 43 x log2(62) = 256.03."""
CHECKSUM_CHARS: Final = 6
"""The fewest base62 digits that hold 32 bits."""
KEY_ID_CHARS: Final = 16
"""95 random bits: a collision among a billion keys has probability 1e-11."""

_PREFIX: Final = re.compile(r"[a-z]{2,10}_[a-z]{2,10}")
_TOKEN: Final = re.compile(r"[a-z]{2,10}_[a-z]{2,10}_([0-9A-Za-z]{43})([0-9A-Za-z]{6})")


def generate(prefix: str = DEFAULT_PREFIX) -> Secret:
    """A new secret from the system's generator. ``prefix`` is ``type_env``, 2 to 10 letters a-z each.

    Raises ``Rejected(WRONG_TYPE)`` for another prefix.
    """
    check_prefix(prefix)
    body = _base62(secrets.randbits(SECRET_BITS), BODY_CHARS)
    return Secret(f"{prefix}_{body}{checksum(body)}")


def check_prefix(prefix: str) -> None:
    """Raises ``Rejected(WRONG_TYPE)`` unless ``prefix`` can start a key."""
    if not _PREFIX.fullmatch(prefix):
        raise Rejected(Reason.WRONG_TYPE, "key prefix: write type_env in small letters, such as sk_live")


def checksum_ok(text: str) -> bool:
    """Whether this is the text of a key that some keywatch issued, with any prefix. No I/O.

    >>> body = "0" * 43
    >>> checksum_ok(f"sk_live_{body}{checksum(body)}"), checksum_ok(f"sk_live_{body}000000")
    (True, False)
    """
    match = _TOKEN.fullmatch(text)
    return match is not None and checksum(match[1]) == match[2]


def masked(text: str) -> str:
    """The text without the secrets in it: people paste them where an id or a reason belongs.

    >>> body = "0" * 43
    >>> masked(f"found sk_live_{body}{checksum(body)} in a log")
    'found ******** in a log'
    """
    for found in secrets_in(text):
        text = text.replace(found, MASK)
    return text


def environment_of(prefix: str) -> str:
    """The second part of a prefix: where its keys are for.

    >>> environment_of("sk_test"), environment_of("")
    ('test', '')
    """
    return prefix.partition("_")[2]


def cell_of(secret: Secret) -> str:
    """Two hex digits: which of 256 drawers of the store holds the key with this secret.

    All that a verification needs lies in one drawer, which is one hash slot of a cluster, so that one
    round trip has it. It must be found from the secret alone and stay when peppers rotate, so it is not
    keyed: 8 bits of BLAKE2b, which leave 248 bits unknown and are shared by one key in 256.
    """
    digest = hashlib.blake2b(secret.reveal().encode(errors="replace"), digest_size=1, person=b"keywatch-cell")
    return digest.hexdigest()


def checksum(body: str) -> str:
    """CRC-32 (zlib's polynomial) of the body as 6 base62 digits, the first digit most significant.

    >>> checksum("zQWBuTSOoRi4A9spHcVY5ncnsDkxkJ")  # the body of GitHub's published example
    '0mLq17'
    """
    return _base62(zlib.crc32(body.encode()), CHECKSUM_CHARS)


def new_key_id() -> str:
    """A public identifier, random by itself: nothing about the secret can be learned from it."""
    return "key_" + "".join(secrets.choice(ALPHABET) for _ in range(KEY_ID_CHARS))


def _base62(number: int, width: int) -> str:
    digits = []
    for _ in range(width):
        number, digit = divmod(number, len(ALPHABET))
        digits.append(ALPHABET[digit])
    return "".join(reversed(digits))
