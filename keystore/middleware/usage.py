"""Usage events on their way to Kafka, beside the requests and never in their way."""

from __future__ import annotations

import atexit
import os
import queue
import threading
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, Protocol

import msgspec
from kafka import errors as kafka_errors

from domain.clock import Clock
from domain.errors import KeywatchError
from domain.event import UsageEvent

QUEUED: Final = 10_000
"""Events that wait for the broker at most: about 5 MB, or ten seconds of 1,000 requests/s."""
TELL_EVERY_S: Final = 60.0
"""How often losses are told while they go on."""
RETRY_S: Final = (0.5, 30.0)
"""First and longest pause between two tries to reach the broker."""
IDLE_S: Final = 1.0
"""How soon an idle worker notices that it has losses to tell."""

BUSY_S: Final = 0.05
"""How soon it looks again whether the client has room."""

_encode: Final = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class UsageCounts:
    """Since the start. ``dropped``: no room in the queue; ``failed``: the broker did not take it."""

    delivered: int = 0
    dropped: int = 0
    failed: int = 0

    @property
    def lost(self) -> int:
        """Events that detection will never see."""
        return self.dropped + self.failed


class UsageSink(Protocol):
    """Where the middleware tells what a key was used for."""

    def emit(self, event: UsageEvent) -> None:
        """Take the event and return at once. Never raises."""

    def close(self) -> None:
        """Send what waits, as far as that is possible in a few seconds."""


class NoUsage:
    """For a gate that only checks keys."""

    def emit(self, event: UsageEvent) -> None:
        """Nobody listens."""

    def close(self) -> None:
        """Nothing waits."""


class KafkaUsage:
    """Sends events from a thread of its own, keyed by key id, so that a key stays in one partition.

    A request never waits for Kafka: with the queue full, or the broker away, events are lost, counted,
    and the loss is told. At most ``queued`` events wait here and as many in the client. The thread and
    the connection begin with the first event, also in a process that was forked since, so that a
    pre-forking server may build this before it forks.

    Parameters
    ----------
    connect
        Makes a ``kafka.KafkaProducer``; called in the thread, again and again until it succeeds.
    tell
        Called in the thread, with the counts and why, when events were lost or the broker cannot be
        reached: at most once a minute, and at the end.
    """

    def __init__(
        self,
        connect: Callable[[], Any],
        topic: str,
        clock: Clock,
        tell: Callable[[UsageCounts, str], None],
        queued: int = QUEUED,
        close_s: float = 5.0,
    ) -> None:
        self._connect = connect
        self._topic = topic
        self._clock = clock
        self._tell = tell
        self._queued = queued
        self._close_s = close_s
        self._begin()
        os.register_at_fork(after_in_child=self._begin)

    def _begin(self) -> None:
        self._events: queue.Queue[UsageEvent | None] = queue.Queue(self._queued)
        self._lock = threading.Lock()
        self._counts = Counter({"delivered": 0, "dropped": 0, "failed": 0})
        self._under_way = 0
        self._stopping = threading.Event()
        self._worker: threading.Thread | None = None
        self._stop_by = float("inf")
        self._told_lost, self._told_at = 0, float("-inf")

    def emit(self, event: UsageEvent) -> None:
        try:
            if self._worker is None:
                self._start()
            if self._stopping.is_set():
                raise queue.Full
            self._events.put_nowait(event)
        except (queue.Full, RuntimeError):  # no room; no thread can be started, as the interpreter ends
            self._count("dropped")

    def counts(self) -> UsageCounts:
        """What became of the events so far; those on their way are in none of the counts."""
        with self._lock:
            return UsageCounts(**self._counts)

    def close(self) -> None:
        """Blocks for a few seconds at most. Events that come later are dropped."""
        worker = self._worker
        self._stop_by = self._clock.monotonic() + self._close_s
        self._stopping.set()
        with suppress(queue.Full):
            self._events.put_nowait(None)  # wakes a worker that waits for an event
        if worker is not None:
            worker.join(timeout=2 * self._close_s)

    # -- the worker ----------------------------------------------------------------------------------

    def _start(self) -> None:
        with self._lock:
            if self._worker is None:
                worker = threading.Thread(target=self._work, name="usage-events", daemon=True)
                worker.start()
                self._worker = worker

    def _work(self) -> None:
        producer = self._connected()
        if producer is not None:
            atexit.register(self.close)  # after the producer's own handler, so that it runs before that
            self._send_all(producer)
            atexit.unregister(self.close)
            with suppress(kafka_errors.KafkaError):
                producer.close(timeout=self._close_s)
        self._give_up()

    def _connected(self) -> Any:
        """The producer; None when it was time to stop before there was one."""
        pause_s, longest_s = RETRY_S
        while not self._stopping.is_set():
            try:
                producer = self._connect()
            except KeywatchError as error:
                self._report(str(error))
            except (
                Exception
            ) as error:  # whatever it is, the thread must not die; its words may hold a password
                self._report(f"the Kafka client could not start: {type(error).__name__}")
            else:
                return producer
            self._stopping.wait(pause_s)
            pause_s = min(2 * pause_s, longest_s)
        return None

    def _send_all(self, producer: Any) -> None:
        while not self._over():
            if self._under_way >= self._queued and not self._stopping.wait(BUSY_S):
                continue
            with suppress(queue.Empty):
                event = self._events.get(timeout=IDLE_S)
                if event is not None:
                    self._send(producer, event)
            self._tell_losses()

    def _over(self) -> bool:
        """Time to stop, and nothing waits or no more time to send it."""
        waits = not self._events.empty() and self._clock.monotonic() < self._stop_by
        return self._stopping.is_set() and not waits

    def _send(self, producer: Any, event: UsageEvent) -> None:
        try:
            sent = producer.send(self._topic, key=event.key_id.encode(), value=_encode(event))
        except (kafka_errors.KafkaError, ValueError):  # the broker is away; text that is not UTF-8
            self._count("failed")
            return
        with self._lock:
            self._under_way += 1
        sent.add_callback(lambda _: self._count("delivered", landed=1))
        sent.add_errback(lambda _: self._count("failed", landed=1))

    def _count(self, what: str, landed: int = 0) -> None:
        with self._lock:
            self._counts[what] += 1
            self._under_way -= landed

    def _give_up(self) -> None:
        with suppress(queue.Empty):
            while True:
                if self._events.get_nowait() is not None:
                    self._count("dropped")
        self._tell_losses(last=True)

    def _tell_losses(self, *, last: bool = False) -> None:
        counts = self.counts()
        if counts.lost > self._told_lost:
            self._report("events were lost", last=last)

    def _report(self, why: str, *, last: bool = False) -> None:
        now = self._clock.monotonic()
        if last or now - self._told_at >= TELL_EVERY_S:
            counts = self.counts()
            self._told_lost, self._told_at = counts.lost, now
            self._tell(counts, why)
