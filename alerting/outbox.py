"""The outbox: committed findings in Redis Streams, one a partition, read by a consumer group."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec
import redis.exceptions

from alerting.delivery.health import Waiting
from domain.errors import Reason, Transient
from domain.finding import Finding
from domain.ports import OutboxEntry
from domain.redis_errors import redis_errors

GROUP: Final = "alerting"
STALE_MS: Final = 60_000
_decode: Final = msgspec.json.Decoder(Finding).decode


class RedisOutbox:
    """At least once: what is not acknowledged comes again, also after a crash of this or another reader.

    ``streams`` gives the streams' names, which may grow. Reads each in turn, as on Redis Cluster they
    lie on different nodes; waits ``block_s`` in ``sleep`` when all are empty.
    """

    def __init__(
        self, client: Any, streams: Callable[[], Sequence[str]], consumer: str, sleep: Callable[[float], None]
    ) -> None:
        self._redis = client
        self._streams = streams
        self._consumer = consumer
        self._sleep = sleep
        self._ready: set[str] = set()

    def read(self, limit: int, block_s: float) -> Sequence[OutboxEntry]:
        try:
            entries = [entry for stream in self._streams() for entry in self._read(stream, limit)]
        except redis.exceptions.RedisError as error:
            raise Transient(Reason.UNREACHABLE, f"the outbox cannot be read: {error}") from error
        if not entries and block_s:
            self._sleep(block_s)
        return entries[:limit]

    def _read(self, stream: str, limit: int) -> list[OutboxEntry]:
        self._prepare(stream)
        _, stale, _ = self._redis.xautoclaim(stream, GROUP, self._consumer, STALE_MS, count=limit)
        del stale  # now ours, and so among the pending ones below
        pending = self._group(stream, "0", limit)
        return pending or self._group(stream, ">", limit)

    def _group(self, stream: str, start: str, limit: int) -> list[OutboxEntry]:
        answer = self._redis.xreadgroup(GROUP, self._consumer, {stream: start}, count=limit)
        if isinstance(answer, dict):
            answer = list(answer.items())
        rows = answer[0][1] if answer else []
        if rows and isinstance(rows[0], list) and rows[0] and isinstance(rows[0][0], tuple | list):
            rows = rows[0]
        return [
            OutboxEntry(_decode(fields[b"f"]), f"{stream} {number.decode()}")
            for number, fields in rows
            if fields
        ]

    @redis_errors("outbox")
    def waiting(self) -> Waiting:
        """Findings not yet acted on. Their age is that of the oldest one's event. One round trip."""
        pipe = self._redis.pipeline(transaction=False)
        for stream in self._streams():
            pipe.xlen(stream).xrange(stream, "-", "+", count=1)
        answers = pipe.execute()
        oldest = [_decode(fields[b"f"]).ts_ms for first in answers[1::2] for _, fields in first]
        return Waiting(sum(map(int, answers[::2])), min(oldest, default=None))

    @staticmethod
    def nothing() -> Waiting:
        """For who reads no outbox."""
        return Waiting(0, None)

    def _prepare(self, stream: str) -> None:
        if stream in self._ready:
            return
        try:
            self._redis.xgroup_create(stream, GROUP, id="0", mkstream=True)
        except redis.exceptions.ResponseError as error:
            if "BUSYGROUP" not in str(error):
                raise
        self._ready.add(stream)

    def ack(self, entries: Sequence[OutboxEntry]) -> None:
        for entry in entries:
            stream, _, number = entry.token.rpartition(" ")
            try:
                self._redis.xack(stream, GROUP, number)
                self._redis.xdel(stream, number)
            except redis.exceptions.RedisError as error:
                raise Transient(Reason.UNREACHABLE, f"the outbox cannot be written: {error}") from error
