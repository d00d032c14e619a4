"""The parts of ``keywatch migrate``."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from domain.errors import Reason, Refused
from monitor.checkpoint.redis import RedisStateStore
from monitor.config import Config
from monitor.migration.partitions import Moving, flows_of
from monitor.wiring import Client
from monitor.wiring_backfill import Placement, placement


@dataclass(frozen=True, slots=True)
class Move:
    """What is to be moved, and how: ``flows`` are (where profiles are, where they belong) -> how many."""

    store: RedisStateStore
    placed: Placement
    flows: Counter[tuple[int, int]]
    moving: Moving

    def flows_now(self) -> Counter[tuple[int, int]]:
        """As they are by now."""
        return flows_of(self.store, self.placed.place)


def partition_move(config: Config, client: Client, partitions: int, partitioner: str) -> Move:
    """Reads all keys, writes nothing. 0 partitions and an empty partitioner are asked of Kafka."""
    store = RedisStateStore(client, config.kafka.topic)
    if not store.partitions():
        raise Refused(Reason.NOT_FOUND, f"nothing is stored of topic {store.topic}: there is nothing to move")
    had = max(store.partitions()) + 1
    if partitions and partitions < had:
        raise Refused(
            Reason.ILLEGAL_STATE,
            f"--partitions {partitions}: {had} partitions were read already, and a topic never gets fewer",
        )
    placed = placement(config, partitions, partitioner, sorted(store.counts()))
    target = f"{placed.partitions} {placed.words.partition(',')[0]}"
    moving = Moving(store, placed.place, target)
    return Move(store, placed, flows_of(store, placed.place), moving)
