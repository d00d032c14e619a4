"""Which Kafka partition a key's requests are in, when only its id is known.

A producer that names the key id as the record's key places it by a hash of those bytes: ``murmur2`` in the
Java client and kafka-python, ``crc32`` in librdkafka and what is built on it (confluent-kafka, Fluent Bit,
Vector) unless told otherwise.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

from kafka.partitioner import murmur2

from domain.errors import Reason, Refused

MOST_ASTRAY: Final = 0.01
"""Share of sampled requests that may lie elsewhere: partitions may have been added not long ago."""


def by_murmur2(key_id: str, partitions: int) -> int:
    """As ``org.apache.kafka.clients.producer.internals.BuiltInPartitioner`` does.

    >>> by_murmur2("foobar", 1000)
    166
    """
    hashed: int = murmur2(key_id.encode())
    return (hashed & 0x7FFFFFFF) % partitions


def by_crc32(key_id: str, partitions: int) -> int:
    """As librdkafka's ``consistent_random`` does for a record with a key.

    >>> by_crc32("foobar", 1000)
    69
    """
    return zlib.crc32(key_id.encode()) % partitions


PARTITIONERS: Final[Mapping[str, Callable[[str, int], int]]] = {"murmur2": by_murmur2, "crc32": by_crc32}


def placer(name: str, partitions: int) -> Callable[[str], int]:
    """Key id -> partition by the partitioner of that name."""
    return lambda key_id: PARTITIONERS[name](key_id, partitions)


def fitting(requests: Iterable[tuple[str, int]], partitions: int, before: Sequence[int] = ()) -> str:
    """The partitioner that put these (key id, partition) where they are; ``murmur2`` if there are none.

    ``before``: counts of partitions that the topic had when some of them were written.

    Raises ``Refused`` when neither did: profiles would lie where no consumer looks for them.
    """
    seen = list(requests)
    astray = {
        name: sum(
            partition not in {place(key_id, count) for count in (partitions, *before)}
            for key_id, partition in seen
        )
        for name, place in PARTITIONERS.items()
    }
    best = min(astray, key=lambda name: astray[name])
    if astray[best] > MOST_ASTRAY * len(seen):
        raise Refused(
            Reason.CONFLICT,
            f"of {len(seen)} recent requests in the topic, {astray[best]} are not in the partition that "
            f"{best} of their key id gives: the producer does not place them by key id. Say "
            "--partitioner if these records are no example; a backfill can read the topic itself (--kafka)",
        )
    return best
