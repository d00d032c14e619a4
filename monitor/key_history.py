"""Pictures of keys from the state in Redis."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from domain.clock import Clock
from domain.picture import KeyPicture
from domain.profile import PROFILE_DTYPE, WINDOW_DTYPE
from domain.redis_errors import redis_errors
from monitor.baseline.migrate import row_of
from monitor.checkpoint.codec import window_field
from monitor.checkpoint.growth import elder
from monitor.checkpoint.redis import RedisStateStore
from monitor.key_picture import picture_of, recent_minutes


class RedisKeyHistory:
    """Asks all partitions at once, as only the producer knows which one a key is in: three round trips.

    In a topic that grew a key may have an old row too; the one that has learned most is shown.
    """

    def __init__(
        self, client: Any, store: RedisStateStore, partitions: Callable[[], Sequence[int]], clock: Clock
    ) -> None:
        self._redis = client
        self._store = store
        self._partitions = partitions
        self._clock = clock

    def picture(self, key_id: str) -> KeyPicture | None:
        now_ms = int(self._clock.now() * 1000)
        partitions = self._partitions()
        rows = self._rows(partitions, key_id)
        raw = elder(rows)
        if raw is None:
            return None
        partition = partitions[next(i for i, row in enumerate(rows) if row is raw)]
        return picture_of(row_of(raw, PROFILE_DTYPE), self._windows(partition, key_id, now_ms), now_ms)

    @redis_errors("profiles")
    def _rows(self, partitions: Sequence[int], key_id: str) -> list[bytes | None]:
        """One round trip; on Redis Cluster one a node."""
        pipe = self._redis.pipeline(transaction=False)
        for partition in partitions:
            pipe.hget(self._store.key(partition, "profiles"), key_id.encode())
        rows: list[bytes | None] = pipe.execute() if partitions else []
        return rows

    @redis_errors("open windows")
    def _windows(self, partition: int, key_id: str, now_ms: int) -> dict[int, int]:
        minutes = recent_minutes(now_ms)
        fields = [window_field(minute, key_id) for minute in minutes]
        rows = self._redis.hmget(self._store.key(partition, "windows"), fields)
        return {
            minute: int(np.frombuffer(raw, WINDOW_DTYPE)[0]["count"])
            for minute, raw in zip(minutes, rows, strict=True)
            if raw is not None and len(raw) == WINDOW_DTYPE.itemsize
        }
