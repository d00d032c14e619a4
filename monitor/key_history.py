"""Pictures of keys from the state in Redis."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from alerting.redis_errors import redis_errors
from domain.clock import Clock
from domain.picture import KeyPicture
from domain.profile import PROFILE_DTYPE, WINDOW_DTYPE
from monitor.baseline.migrate import row_of
from monitor.checkpoint.codec import window_field
from monitor.checkpoint.growth import elder
from monitor.checkpoint.redis import RedisStateStore
from monitor.key_picture import picture_of, recent_minutes


class RedisKeyHistory:
    """Asks each partition in turn, as only the producer knows which one a key is in: a round trip each.

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
        rows = {part: self._store.load_profiles(part, [key_id])[0] for part in self._partitions()}
        raw = elder(rows.values())
        if raw is None:
            return None
        partition = next(part for part, row in rows.items() if row is raw)
        return picture_of(row_of(raw, PROFILE_DTYPE), self._windows(partition, key_id, now_ms), now_ms)

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
