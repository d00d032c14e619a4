"""The names of the key store's keys in Redis."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import Final

from domain.errors import Fatal, Reason

SHARDS: Final = "0123456789abcdef"
"""Each index is 16 sorted sets, so that on a cluster no one node holds it all."""


@dataclass(frozen=True, slots=True)
class KeyNames:
    """Names under one namespace. A key's record and history share a hash tag, so one script has both.

    The tag is a hash of the id: ids are exact bytes from outside, and braces in one would move the tag.
    Raises ``Fatal(CONFIG)`` for a namespace that would do the same.
    """

    namespace: str

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[A-Za-z0-9_.:-]{1,64}", self.namespace):
            raise Fatal(Reason.CONFIG, "key store namespace: 1 to 64 of letters, digits and _ . : -")

    def record(self, key_id: str) -> str:
        """Hash: the record."""
        return f"{self.namespace}:key:{{{_tag(key_id)}}}"

    def history(self, key_id: str) -> str:
        """Stream: what happened to the key."""
        return f"{self.record(key_id)}:history"

    def by_hash(self, digest: str) -> str:
        """String: the key id of a secret's digest."""
        return f"{self.namespace}:keyhash:{digest}"

    def listing(self, shard: str) -> str:
        """Sorted set: see :mod:`keystore.listing`."""
        return f"{self.namespace}:keys:{{{shard}}}"

    def due(self, shard: str) -> str:
        """Sorted set: ``key id NUL case id`` by the time at which the suspension ends."""
        return f"{self.namespace}:due:{{{shard}}}"

    @staticmethod
    def shard(key_id: str) -> str:
        """The shard that indexes this key."""
        return _tag(key_id)[0]


def _tag(key_id: str) -> str:
    return hashlib.blake2b(key_id.encode(errors="surrogatepass"), digest_size=16).hexdigest()
