"""The network of an event's ``ip`` field as a number."""

from __future__ import annotations

import hashlib

from domain.address import Address
from domain.network import NO_PREFIX, OTHER_TAG, pack_prefix


def packed(text: str, address: Address | None) -> int:
    """The prefix of an address, or a number of its own for any other text."""
    if address is not None:
        return pack_prefix(address)
    if not text:
        return NO_PREFIX
    digest = hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=6).digest()
    return (OTHER_TAG << 56) | int.from_bytes(digest)
