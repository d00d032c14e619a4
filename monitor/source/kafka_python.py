"""Apache Kafka through kafka-python, the default client."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final

import numpy as np
from kafka import ConsumerRebalanceListener, KafkaConsumer, TopicPartition
from kafka import errors as kafka_errors
from kafka.coordinator.assignors.cooperative_sticky import CooperativeStickyAssignor
from kafka.structs import OffsetAndMetadata

from monitor.source.base import Polled, RecordBatch
from monitor.source.membership import Membership
from monitor.source.refusal import kafka_python_options, refusal
from monitor.source.settings import (
    FETCH_BYTES,
    FETCH_WAIT_MS,
    HEARTBEAT_MS,
    PARTITION_FETCH_BYTES,
    KafkaSettings,
    bad_security,
    fenced,
    interrupted,
    no_topic,
    not_allowed,
    unreachable,
)

JOIN_MS: Final = 10_000
"""The longest wait for the group: others join at their next heartbeat, after the batch they are at."""

_NOT_ALLOWED = (
    kafka_errors.SaslAuthenticationFailedError,
    kafka_errors.UnsupportedSaslMechanismError,
    kafka_errors.AuthorizationError,
)


class KafkaPythonSource:
    """A :class:`monitor.source.base.Source` over kafka-python; about 11 us an event with ``crc32c``.

    With a group, partitions are shared cooperatively (KIP-429) and ``instance_id`` makes the member
    static (KIP-345). Positions come from ``seek`` alone, never from offsets committed to Kafka. That
    another member took our name is known at the poll after a ``commit``.
    """

    def __init__(self, settings: KafkaSettings) -> None:
        self.topic = settings.topic
        self._settings = settings
        self._members = Membership()
        self._flowing: set[int] = set()
        self._consumer = connect(settings)
        try:
            self._join()
        except BaseException:
            self.close()
            raise

    def _join(self) -> None:
        if self._settings.group is not None:
            self._consumer.subscribe([self.topic], listener=_Listener(self.hold, self._members))
        if not self._consumer.partitions_for_topic(self.topic):
            raise no_topic(self._settings)
        self._assign_all()

    def _assign_all(self) -> None:
        """Without a group: take what the topic has, and later what it grows."""
        if self._settings.group is not None:
            return
        known = set(self._consumer.partitions_for_topic(self.topic))
        if new := known - self._members.owned():
            self._consumer.assign([self._tp(number) for number in sorted(known)])
            self.hold(new)
            self._members.assign(new)

    def hold(self, partitions: Iterable[int]) -> None:
        """Keep partitions from flowing until their next ``seek``.

        The position is only there so that none is looked up.
        """
        for number in partitions:
            self._consumer.pause(self._tp(number))
            self._consumer.seek(self._tp(number), 0)

    def _tp(self, partition: int) -> TopicPartition:
        return TopicPartition(self.topic, partition)

    def poll(self, timeout_s: float) -> Polled:
        self._assign_all()
        records: dict[TopicPartition, list[Any]] = {}
        skipped: dict[int, int] = {}
        with translated(self._settings):
            self._await_group()
            try:
                records = self._consumer.poll(timeout_ms=int(timeout_s * 1000))
            except kafka_errors.OffsetOutOfRangeError as error:
                skipped = self._skip({tp.partition: offset for tp, offset in error.args[0].items()})
            except kafka_errors.LogTruncationError as error:
                skipped = self._skip({tp.partition: self._position(tp) for tp in error.divergent_offsets})
        polled = self._members.polled((_batch(tp, found) for tp, found in records.items()), skipped)
        self._flowing -= polled.revoked | polled.assigned
        return polled

    def _await_group(self) -> None:
        """Wait while the group is sharing out partitions.

        When a poll ends before the join it began, kafka-python (3.0) throws the finished join away and
        begins another, which makes every member join again: short polls would never settle.
        """
        if self._settings.group is not None and self._consumer._coordinator.need_rejoin():
            self._consumer._coordinator.poll(timeout_ms=JOIN_MS)

    def _skip(self, wanted: Mapping[int, int]) -> dict[int, int]:
        earliest = self._consumer.beginning_offsets([self._tp(number) for number in wanted])
        for tp, offset in earliest.items():
            self._consumer.seek(tp, offset)
        return {tp.partition: offset - wanted[tp.partition] for tp, offset in earliest.items()}

    def _position(self, tp: TopicPartition) -> int:
        return int(self._consumer.position(tp) or 0)

    def seek(self, partition: int, offset: int | None) -> None:
        tp = self._tp(partition)
        if tp not in self._consumer.assignment():
            return
        if offset is None:
            self._consumer.seek_to_beginning(tp)
        else:
            self._consumer.seek(tp, offset)
        self._consumer.resume(tp)
        self._flowing.add(partition)

    def end_offsets(self, partitions: Iterable[int]) -> dict[int, int]:
        with translated(self._settings):
            ends = self._consumer.end_offsets([self._tp(number) for number in partitions])
        return {tp.partition: offset for tp, offset in ends.items()}

    def partitions(self) -> int:
        return len(self._consumer.partitions_for_topic(self.topic) or ())

    def lag(self) -> dict[int, int]:
        lag: dict[int, int] = {}
        for number in self._flowing & self._members.owned():
            end = self._consumer.highwater(self._tp(number))
            if end is not None:
                lag[number] = max(0, end - self._position(self._tp(number)))
        return lag

    def commit(self, offsets: Mapping[int, int]) -> None:
        if self._settings.group is None or not offsets:
            return
        self._consumer.commit_async(
            {self._tp(number): OffsetAndMetadata(offset, "", -1) for number, offset in offsets.items()}
        )

    def close(self) -> None:
        self._consumer.close(autocommit=False, timeout_ms=5_000)


class _Listener(ConsumerRebalanceListener):  # type: ignore[misc]
    """Runs on the heartbeat loop: it writes down and returns."""

    def __init__(self, hold: Any, members: Membership) -> None:
        self._hold = hold
        self._members = members

    def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        self._members.revoke(tp.partition for tp in revoked)

    def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        numbers = [tp.partition for tp in assigned]
        self._hold(numbers)
        self._members.assign(numbers)

    def on_partitions_lost(self, lost: Iterable[TopicPartition]) -> None:
        self._members.revoke(tp.partition for tp in lost)


def _batch(tp: TopicPartition, records: Sequence[Any]) -> RecordBatch:
    return RecordBatch(
        partition=tp.partition,
        offsets=np.fromiter((r.offset for r in records), np.int64, len(records)),
        values=[r.value for r in records],
        keys=[r.key for r in records],
        headers=[r.headers for r in records],
        next_offset=records[-1].offset + 1,
    )


def connect(settings: KafkaSettings) -> KafkaConsumer:
    """A consumer that has met a broker. Raises ``Fatal`` in the words of the settings."""
    grouped: dict[str, Any] = {}
    if settings.group is not None:
        grouped["partition_assignment_strategy"] = (CooperativeStickyAssignor,)
        grouped["session_timeout_ms"] = int(settings.session_timeout_s * 1000)
        grouped["heartbeat_interval_ms"] = HEARTBEAT_MS
        grouped["group_instance_id"] = settings.instance_id or None
    try:
        return KafkaConsumer(
            bootstrap_servers=settings.bootstrap.split(","),
            bootstrap_timeout_ms=int(settings.connect_timeout_s * 1000),
            group_id=settings.group,
            enable_auto_commit=False,
            auto_offset_reset="none",
            allow_auto_create_topics=False,
            max_poll_records=settings.poll_records,
            fetch_max_wait_ms=FETCH_WAIT_MS,
            fetch_max_bytes=FETCH_BYTES,
            max_partition_fetch_bytes=PARTITION_FETCH_BYTES,
            metadata_max_age_ms=int(settings.metadata_max_age_s * 1000),
            metrics_enabled=False,
            **grouped,
            **kafka_python_options(settings),
        )
    except (kafka_errors.KafkaConfigurationError, ValueError, TypeError) as error:
        raise bad_security(settings, error) from error
    except (kafka_errors.KafkaError, OSError) as error:
        raise refusal(settings, str(error)) or unreachable(settings, type(error).__name__) from error


@contextmanager
def translated(settings: KafkaSettings) -> Iterator[None]:
    """kafka-python's errors in our words."""
    try:
        yield
    except _NOT_ALLOWED as error:
        raise refusal(settings, str(error)) or not_allowed(settings, type(error).__name__) from error
    except kafka_errors.FencedInstanceIdError as error:
        raise fenced(settings) from error
    except kafka_errors.KafkaError as error:
        raise interrupted(settings, type(error).__name__) from error
