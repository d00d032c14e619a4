"""How a secret of little entropy is kept: Argon2id, over the HMAC under the pepper.

For keys that another system made, perhaps from 40 bits or by a person. Who has the store and the pepper
can guess those, so each guess must be dear: 19 MiB and two passes, some 20 ms (OWASP Password Storage
Cheat Sheet; RFC 9106). A key of ours has 256 bits and needs none of it, see :mod:`keystore.hashing`.

Each hash has a salt of its own, so it cannot be found by the secret. A key is found by 16 bits of the
HMAC, and Argon2 decides among those that share them. That is a bargain: who has store and pepper saves
a factor of 65,536 in guesses; who sends rubbish makes us compute Argon2 for one text in 65,536 / keys.
"""

from __future__ import annotations

from typing import Final

import argon2

from domain.secret import Secret
from keystore.hashing import Peppers

LOOKUP_DIGITS: Final = 4
"""Hex digits of the HMAC that find a key: 16 bits."""
HASHER: Final = argon2.PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
_PHC: Final = "$argon2"


def is_slow(hashed: str) -> bool:
    """Whether a record's hash is of this kind."""
    return hashed.startswith(_PHC)


def slow_hash(peppers: Peppers, secret: Secret) -> str:
    """The text to keep, under the current pepper. Takes about 20 ms of one core."""
    return HASHER.hash(peppers.digest(secret))


def slow_match(hashed: str, peppers: Peppers, version: int, secret: Secret) -> bool:
    """Whether this is the hash of the secret; False when its pepper is gone. As dear as making it."""
    if not is_slow(hashed) or version not in peppers.by_version:
        return False
    try:
        return HASHER.verify(hashed, peppers.digest(secret, version))
    except (argon2.exceptions.VerificationError, argon2.exceptions.InvalidHashError):
        return False


def lookups(peppers: Peppers, secret: Secret) -> dict[int, str]:
    """What finds the secret under each pepper version, the current one first.

    Another HMAC than the one that Argon2 is given, so that it tells nothing more of that.
    """
    marked = Secret(f"lookup:{secret.reveal()}")
    return {version: digest[:LOOKUP_DIGITS] for version, digest in peppers.digests(marked).items()}
