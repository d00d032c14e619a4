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
    """Names under one namespace. All of a key lies in one hash slot, so one script has it.

    A key that keywatch issued lies in the cell of its secret (:func:`keystore.token.cell_of`), where a
    request finds it; ``homes`` says which cell that is for those who only know the id. Any other key,
    with cell "", lies under a hash of its id: ids are exact bytes from outside, and braces in one would
    move the slot. Raises ``Fatal(CONFIG)`` for a namespace that would do the same.
    """

    namespace: str

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[A-Za-z0-9_.:-]{1,64}", self.namespace):
            raise Fatal(Reason.CONFIG, "key store namespace: 1 to 64 of letters, digits and _ . : -")

    def record(self, key_id: str, cell: str) -> str:
        """Hash: the record."""
        return f"{self.records(cell)}{tag(key_id)}" if cell else f"{self.namespace}:key:{{{tag(key_id)}}}"

    def records(self, cell: str) -> str:
        """What the names of a cell's records begin with."""
        return f"{self.namespace}:key:{{{cell}}}:"

    def history(self, key_id: str, cell: str) -> str:
        """Stream: what happened to the key."""
        return f"{self.record(key_id, cell)}:history"

    def use(self, key_id: str, cell: str) -> str:
        """Hash: ``last`` and ``tat`` (see :mod:`keystore.usage`), and ``d`` + day for each day's count."""
        return f"{self.record(key_id, cell)}:use"

    def hashes(self, cell: str) -> str:
        """Hash: from the digest of a secret to the tag of its key's id."""
        return f"{self.namespace}:hashes:{{{cell}}}"

    def homes(self, key_id: str) -> str:
        """Hash: from the tag of a key id to its cell; 256 of them."""
        return f"{self.namespace}:homes:{{{tag(key_id)[:2]}}}"

    def by_hash(self, digest: str) -> str:
        """String: the key id of a digest, as keys were indexed before there were cells."""
        return f"{self.namespace}:keyhash:{digest}"

    def imported(self, version: int, lookup: str) -> str:
        """Set: ids of imported keys by 16 bits of their secret's HMAC, see :mod:`keystore.slow_hash`."""
        return f"{self.namespace}:imported:{version}:{lookup}"

    def listing(self, shard: str) -> str:
        """Sorted set: see :mod:`keystore.listing`."""
        return f"{self.namespace}:keys:{{{shard}}}"

    def due(self, shard: str) -> str:
        """Sorted set: ``key id NUL case id`` by the time at which the suspension ends."""
        return f"{self.namespace}:due:{{{shard}}}"

    def agenda(self, book: str, shard: str) -> str:
        """Sorted set: ``key id NUL what`` by the time at which it is to be done."""
        return f"{self.namespace}:agenda:{book}:{{{shard}}}"

    @staticmethod
    def shard(key_id: str) -> str:
        """The shard that indexes this key."""
        return tag(key_id)[0]


def tag(key_id: str) -> str:
    """32 hex digits for a key id."""
    return hashlib.blake2b(key_id.encode(errors="surrogatepass"), digest_size=16).hexdigest()
