"""One event sent through a running keywatch, to see that it arrives: what ``helm test`` runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import msgspec
from kafka import errors as kafka_errors

from domain.clock import Clock
from domain.errors import Reason, Transient
from monitor.checkpoint.redis import RedisStateStore
from monitor.config import Config
from monitor.connect import kafka_settings
from monitor.source.dead_letter import open_producer
from monitor.source.settings import interrupted
from monitor.wiring import Client

KEY_ID: Final = "keywatch-roundtrip"
"""The key of the events sent; it gets a baseline like any other and belongs to nobody."""
LOOK_EVERY_S: Final = 0.2


class Roundtrip:
    """Needs write access to the topic. In a format other than ``native`` the record is empty, a tombstone:
    it is read and committed like any, and counts for no key."""

    def __init__(self, config: Config, client: Client, clock: Clock, sleep: Callable[[float], None]) -> None:
        self._config = config
        self._store = RedisStateStore(client, config.kafka.topic)
        self._clock = clock
        self._sleep = sleep

    def run(self, timeout_s: float) -> float:
        """Seconds from sending to commit. Raises ``Transient`` when it was not committed in time."""
        began = self._clock.monotonic()
        partition, offset = self._send()
        while (done := self._store.offset(partition)) <= offset:
            if self._clock.monotonic() - began > timeout_s:
                raise Transient(
                    Reason.TIMEOUT,
                    f"the event at partition {partition}, offset {offset} was not committed within "
                    f"{timeout_s:.0f} s (committed up to {max(done, 0)}): is a consumer running and ready?",
                )
            self._sleep(LOOK_EVERY_S)
        return self._clock.monotonic() - began

    def _send(self) -> tuple[int, int]:
        settings = kafka_settings(self._config, self._config.kafka.topic)
        producer = open_producer(settings)
        try:
            sent = producer.send(settings.topic, key=KEY_ID.encode(), value=self._record())
            stored = sent.get(timeout=settings.connect_timeout_s)
            return stored.partition, stored.offset
        except kafka_errors.KafkaError as error:
            raise interrupted(settings, type(error).__name__) from error
        finally:
            producer.close(timeout=5)

    def _record(self) -> bytes | None:
        if self._config.kafka.format != "native":
            return None
        event = {
            "ts": int(self._clock.now() * 1000),
            "key_id": KEY_ID,
            "ip": "192.0.2.1",
            "method": "GET",
            "endpoint": "/keywatch/roundtrip",
            "status": 200,
        }
        return msgspec.json.encode(event)
