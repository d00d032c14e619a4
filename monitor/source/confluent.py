"""Apache Kafka through confluent-kafka (librdkafka), the extra ``fast``."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

import numpy as np
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, TopicPartition

from domain.errors import Fatal, KeywatchError, Reason
from monitor.source.base import Headers, Polled, RecordBatch
from monitor.source.membership import Membership
from monitor.source.refusal import refusal
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
from monitor.source.tokens import librdkafka_callback

_LIBRDKAFKA: Final = {
    "sasl_plain_username": "sasl.username",
    "sasl_plain_password": "sasl.password",
    "sasl_kerberos_service_name": "sasl.kerberos.service.name",
    "ssl_cafile": "ssl.ca.location",
    "ssl_certfile": "ssl.certificate.location",
    "ssl_keyfile": "ssl.key.location",
    "ssl_password": "ssl.key.password",
    "ssl_crlfile": "ssl.crl.location",
    "ssl_ciphers": "ssl.cipher.suites",
}
"""Names that are not kafka-python's with dots for underscores."""

_NOT_ALLOWED: Final = {
    KafkaError._AUTHENTICATION,
    KafkaError.SASL_AUTHENTICATION_FAILED,
    KafkaError.TOPIC_AUTHORIZATION_FAILED,
    KafkaError.GROUP_AUTHORIZATION_FAILED,
}
_FENCED: Final = {KafkaError.FENCED_INSTANCE_ID, KafkaError._FENCED}
_NO_TOPIC: Final = {
    KafkaError.UNKNOWN_TOPIC_OR_PART,
    KafkaError._UNKNOWN_TOPIC,
    KafkaError._UNKNOWN_PARTITION,
}
_TIMEOUT_S: Final = 10.0
_ATTEMPT_S: Final = 1.0
_TOLERATED: Final = 5
"""Refused logins without a record between, with tokens: a broker also refuses one that was renewed within a
second of the last, and librdkafka then connects anew."""
_METADATA_S: Final = 2.0


class ConfluentSource:
    """A :class:`monitor.source.base.Source` over librdkafka; about 2 us an event.

    A partition that the group gives us is not fetched until ``seek`` adds it to librdkafka's
    assignment with its offset; so nothing has to be paused and nothing flows too early. Without a group,
    new partitions of the topic are noticed at the next start. ``seek`` on a
    flowing partition takes it out and puts it back, which discards what was fetched ahead.
    """

    def __init__(self, settings: KafkaSettings) -> None:
        self.topic = settings.topic
        self._settings = settings
        self._members = Membership()
        self._flowing: set[int] = set()
        self._joined = False
        self._refused: str | None = None
        self._refusals = 0
        self._closed = False
        self._token_error: Exception | None = None
        self._consumer = _consumer(settings, self._on_error, self._on_token_error)
        try:
            self._join()
        except BaseException:
            self.close()
            raise

    def _join(self) -> None:
        partitions = self._partitions()
        if self._settings.group is None:
            self._members.assign(partitions)
            return
        self._consumer.subscribe(
            [self.topic], on_assign=self._on_assign, on_revoke=self._on_revoke, on_lost=self._on_revoke
        )

    def _partitions(self) -> list[int]:
        topics = self._topics()
        if self.topic not in topics or topics[self.topic].error is not None:
            raise no_topic(self._settings)
        return list(topics[self.topic].partitions)

    def _topics(self) -> Mapping[str, Any]:
        """Asks again each second, since only ``poll`` tells why nobody answers."""
        for _ in range(max(1, round(self._settings.connect_timeout_s / _ATTEMPT_S))):
            try:
                found: Mapping[str, Any] = self._consumer.list_topics(timeout=_ATTEMPT_S).topics
            except KafkaException as error:
                last = error
            else:
                self._joined = True
                return found
            self._consumer.poll(0)
            if self._refused is not None:
                raise self._refusal() from last
        raise unreachable(self._settings, last.args[0].name()) from last

    def _refusal(self) -> Exception:
        if isinstance(self._token_error, KeywatchError):
            return self._token_error
        said = self._refused or ""
        return refusal(self._settings, said) or not_allowed(self._settings, said)

    # -- callbacks, run inside poll -------------------------------------------------------------------

    def _on_error(self, error: KafkaError) -> None:
        """Brokers that come and go are librdkafka's to handle; being refused is ours. What is wrong with TLS
        may pass once it has worked, as when brokers get new certificates one after the other."""
        if error.code() in _NOT_ALLOWED:
            self._refusals += 1
            if not self._joined or self._settings.tokens is None or self._refusals > _TOLERATED:
                self._refused = error.str()
        elif not self._joined and refusal(self._settings, error.str()) is not None:
            self._refused = error.str()

    def _on_token_error(self, error: Exception) -> None:
        self._token_error = error

    def _on_assign(self, consumer: Consumer, partitions: Sequence[TopicPartition]) -> None:
        consumer.incremental_assign([])  # the wrapper would start them itself if nothing were called
        self._members.assign(tp.partition for tp in partitions)

    def _on_revoke(self, consumer: Consumer, partitions: Sequence[TopicPartition]) -> None:
        numbers = {tp.partition for tp in partitions}
        consumer.incremental_unassign([self._tp(number) for number in numbers & self._flowing])
        self._flowing -= numbers
        self._members.revoke(numbers)

    def _tp(self, partition: int) -> TopicPartition:
        return TopicPartition(self.topic, partition)

    # -- the contract ---------------------------------------------------------------------------------

    def poll(self, timeout_s: float) -> Polled:
        by_partition: dict[int, list[Any]] = {}
        skipped: dict[int, int] = {}
        for message in self._consume(timeout_s):
            if message.error() is None:
                by_partition.setdefault(message.partition(), []).append(message)
            elif message.error().code() == KafkaError._AUTO_OFFSET_RESET:
                skipped |= self._skip(message.partition(), message.offset())
            else:
                self._raise_if_lasting(message.error())
        if by_partition:
            self._refusals = 0
        if self._refused is not None:
            raise self._refusal()
        return self._members.polled((_batch(n, found) for n, found in by_partition.items()), skipped)

    def _consume(self, timeout_s: float) -> list[Any]:
        """Waits for the first record only: ``consume`` alone waits until it has all it may take."""
        try:
            first = self._consumer.consume(1, timeout_s)
            more = self._consumer.consume(self._settings.poll_records - 1, 0) if first else []
        except KafkaException as error:
            self._raise_if_lasting(error.args[0])
            raise interrupted(self._settings, error.args[0].name()) from error
        return first + more

    def _raise_if_lasting(self, error: KafkaError) -> None:
        found: KeywatchError | None = None
        if error.code() in _NOT_ALLOWED:
            found = not_allowed(self._settings, error.name())
        elif error.code() in _FENCED or (error.code() == KafkaError._FATAL and "fenced" in error.str()):
            found = fenced(self._settings)
        elif error.code() in _NO_TOPIC:
            found = no_topic(self._settings)
        elif error.fatal() or error.code() == KafkaError._FATAL:
            found = Fatal(Reason.CONFIG, f"kafka: {self._settings.bootstrap}: {error.str()}")
        if found is not None:
            raise found

    def _skip(self, partition: int, wanted: int) -> dict[int, int]:
        earliest, _ = self._watermarks(partition)
        self.seek(partition, earliest)
        return {partition: earliest - wanted}

    def _watermarks(self, partition: int) -> tuple[int, int]:
        try:
            low, high = self._consumer.get_watermark_offsets(self._tp(partition), timeout=_TIMEOUT_S)
        except KafkaException as error:
            raise interrupted(self._settings, error.args[0].name()) from error
        return int(low), int(high)

    def seek(self, partition: int, offset: int | None) -> None:
        if partition not in self._members.owned():
            return
        if partition in self._flowing:
            self._consumer.incremental_unassign([self._tp(partition)])
        at = OFFSET_BEGINNING if offset is None else offset
        self._consumer.incremental_assign([TopicPartition(self.topic, partition, at)])
        self._flowing.add(partition)

    def end_offsets(self, partitions: Iterable[int]) -> dict[int, int]:
        return {number: self._watermarks(number)[1] for number in partitions}

    def partitions(self) -> int:
        try:
            found = self._consumer.list_topics(self.topic, timeout=_METADATA_S)
            return len(found.topics[self.topic].partitions)
        except KafkaException:
            return 0

    def lag(self) -> dict[int, int]:
        lag: dict[int, int] = {}
        for tp in self._consumer.position([self._tp(number) for number in self._flowing]):
            marks = self._consumer.get_watermark_offsets(self._tp(tp.partition), cached=True)
            if tp.offset >= 0 and marks is not None and marks[1] >= 0:
                lag[tp.partition] = max(0, marks[1] - tp.offset)
        return lag

    def commit(self, offsets: Mapping[int, int]) -> None:
        if self._settings.group is None or not offsets:
            return
        self._consumer.commit(
            offsets=[TopicPartition(self.topic, number, offset) for number, offset in offsets.items()],
            asynchronous=True,
        )

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            self._consumer.close()


class _MessageHeaders(Sequence[Headers]):
    """Headers of messages, asked of librdkafka one by one when somebody looks."""

    def __init__(self, messages: list[Any]) -> None:
        self._messages = messages

    def __len__(self) -> int:
        return len(self._messages)

    def __getitem__(self, row: Any) -> Any:
        return self._messages[row].headers() or []

    def __iter__(self) -> Iterator[Headers]:
        return (message.headers() or [] for message in self._messages)


def _batch(partition: int, messages: list[Any]) -> RecordBatch:
    offsets = np.fromiter((m.offset() for m in messages), np.int64, len(messages))
    return RecordBatch(
        partition=partition,
        offsets=offsets,
        values=[m.value() for m in messages],
        keys=[m.key() for m in messages],
        headers=_MessageHeaders(messages),
        next_offset=int(offsets[-1]) + 1,
    )


def _consumer(settings: KafkaSettings, on_error: Any, on_token_error: Any) -> Consumer:
    security = {_LIBRDKAFKA.get(k, k.replace("_", ".")): v for k, v in settings.revealed().items()}
    if "ssl.check.hostname" in security:
        checked = security.pop("ssl.check.hostname").lower() in ("true", "1", "yes")
        security["ssl.endpoint.identification.algorithm"] = "https" if checked else "none"
    options: dict[str, Any] = {
        "bootstrap.servers": settings.bootstrap,
        "group.id": settings.group or "keywatch-without-group",
        "enable.auto.commit": False,
        "enable.auto.offset.store": False,
        "auto.offset.reset": "error",
        "allow.auto.create.topics": False,
        "partition.assignment.strategy": "cooperative-sticky",
        "heartbeat.interval.ms": HEARTBEAT_MS,
        "session.timeout.ms": int(settings.session_timeout_s * 1000),
        "topic.metadata.refresh.interval.ms": int(settings.metadata_max_age_s * 1000),
        "fetch.wait.max.ms": FETCH_WAIT_MS,
        "fetch.max.bytes": FETCH_BYTES,
        "max.partition.fetch.bytes": PARTITION_FETCH_BYTES,
        "queued.max.messages.kbytes": 2 * FETCH_BYTES >> 10,
        "error_cb": on_error,
        "logger": logging.getLogger("confluent_kafka"),
    }
    if settings.tokens is not None:
        settings.tokens()  # raises in our words; the client's constructor would wait and then tell nothing
        options["oauth_cb"] = librdkafka_callback(settings.tokens, on_token_error)
    if settings.group is not None and settings.instance_id:
        options["group.instance.id"] = settings.instance_id
    try:
        return Consumer(options | security)
    except (KafkaException, ValueError, TypeError) as error:
        raise bad_security(settings, error) from error
