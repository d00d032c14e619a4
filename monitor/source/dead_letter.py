"""Where rejected records are kept: a Kafka topic, a file, or nowhere."""

from __future__ import annotations

import base64
import json
import os
from collections import Counter
from pathlib import Path
from typing import Any, Final

from kafka import KafkaProducer
from kafka import errors as kafka_errors

from domain.errors import Fatal, Reason, Transient
from monitor.source.base import DeadLetter
from monitor.source.refusal import kafka_python_options, refusal
from monitor.source.settings import KafkaSettings, bad_security, unreachable

KEPT_BYTES: Final = 64 << 10
"""How much of a value is kept when the broker takes no letter of its size."""
REQUEST_BYTES: Final = 64 << 20
"""The broker's own limit decides, not the client's."""
LINGER_MS: Final = 20
"""Rejects come in bursts: a short wait puts a burst into few requests."""

_TOO_LARGE = (kafka_errors.MessageSizeTooLargeError, kafka_errors.RecordListTooLargeError)


class KafkaDeadLetters:
    """Writes key, value and headers as they were, plus ``__keywatch.errors.*``, with ``acks=all``.

    ``settings.topic`` is the dead-letter topic. A letter that the topic finds too large is cut to its
    first 64 KiB and says so in ``__keywatch.errors.truncated``: one oversized record must not stop
    the consumer for good. A null header, and the value of a record with neither key nor value,
    become empty, as the client writes no others. ``send`` may block for ``settings.connect_timeout_s``
    when the broker is away; after one failure it does not try again before ``flush``.
    """

    def __init__(self, settings: KafkaSettings) -> None:
        self._settings = settings
        self._waiting: list[tuple[DeadLetter, Any]] = []
        self._down = False
        self._producer = open_producer(settings)
        self._require_topic()

    def _require_topic(self) -> None:
        try:
            self._producer.partitions_for(self._settings.topic)
        except (kafka_errors.KafkaError, ValueError) as error:
            self.close()
            raise Fatal(
                Reason.CONFIG,
                f"kafka.dead_letter_topic: {self._settings.topic!r} does not exist at "
                f"{self._settings.bootstrap}, or this user may not write to it ({type(error).__name__})",
            ) from error

    def send(self, record: DeadLetter) -> None:
        self._waiting.append((record, None if self._down else self._write(record)))

    def _write(self, record: DeadLetter, keep: int | None = None) -> Any:
        """The client's future; None when the client itself would not take it."""
        headers = [(name, value or b"") for name, value in record.headers]
        headers += [(name, value.encode()) for name, value in record.error_headers().items()]
        value = b"" if record.value is None and record.key is None else record.value
        if keep is not None and value is not None and len(value) > keep:
            headers.append(("__keywatch.errors.truncated", str(len(value)).encode()))
            value = value[:keep]
        try:
            return self._producer.send(self._settings.topic, value=value, key=record.key, headers=headers)
        except kafka_errors.KafkaError:
            self._down = True
            return None

    def flush(self) -> None:
        self._down = False
        self._settle([(letter, future or self._write(letter)) for letter, future in self._waiting])
        if any(_failure(future) in _TOO_LARGE for _, future in self._waiting):
            self._settle([(letter, self._shorten(letter, future)) for letter, future in self._waiting])
        if self._waiting:
            reasons = sorted({_name(future) for _, future in self._waiting})
            self._waiting = [(letter, None) for letter, _ in self._waiting]
            raise Transient(
                Reason.UNREACHABLE,
                f"kafka.dead_letter_topic: {len(self._waiting)} records could not be written to "
                f"{self._settings.topic!r} at {self._settings.bootstrap} ({', '.join(reasons)})",
            )

    def _shorten(self, letter: DeadLetter, future: Any) -> Any:
        return self._write(letter, KEPT_BYTES) if _failure(future) in _TOO_LARGE else future

    def _settle(self, letters: list[tuple[DeadLetter, Any]]) -> None:
        """Wait for the broker's answers and keep what was not written."""
        try:
            self._producer.flush(timeout=2 * self._settings.connect_timeout_s)
        except kafka_errors.KafkaTimeoutError:
            self._down = True
        self._waiting = [(letter, future) for letter, future in letters if not _written(future)]

    def close(self) -> None:
        self._producer.close(timeout=5)


class FileDeadLetters:
    """Appends one JSON object a letter: the error fields, and the value and key in base64."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._waiting: list[bytes] = []

    def send(self, record: DeadLetter) -> None:
        letter: dict[str, Any] = {
            name.rpartition(".")[2]: value for name, value in record.error_headers().items()
        }
        letter |= {"partition": record.partition, "offset": record.offset}
        letter |= {"value": _base64(record.value), "key": _base64(record.key)}
        letter["headers"] = [[name, _base64(value)] for name, value in record.headers]
        self._waiting.append(json.dumps(letter).encode() + b"\n")

    def flush(self) -> None:
        if not self._waiting:
            return
        try:
            with self.path.open("ab") as out:
                out.write(b"".join(self._waiting))
                out.flush()
                os.fsync(out.fileno())
        except OSError as error:
            raise Transient(
                Reason.SERVER_ERROR, f"{self.path}: cannot write rejects: {error.strerror}"
            ) from error
        self._waiting.clear()

    def close(self) -> None:
        """Nothing is open between flushes."""


class NullDeadLetters:
    """Counts letters by reason and drops them: for a look at a file, never for a running daemon."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()

    def send(self, record: DeadLetter) -> None:
        self.counts[record.exception] += 1

    def flush(self) -> None:
        """Nothing was kept."""

    def close(self) -> None:
        """Nothing is open."""


def _base64(value: bytes | None) -> str | None:
    return None if value is None else base64.b64encode(value).decode()


def _written(future: Any) -> bool:
    return future is not None and bool(future.succeeded())


def _failure(future: Any) -> type[Exception] | None:
    return type(future.exception) if future is not None and future.is_done else None


def _name(future: Any) -> str:
    failure = _failure(future)
    return "no answer in time" if failure is None else failure.__name__


def open_producer(settings: KafkaSettings) -> KafkaProducer:
    """A producer that waits for all replicas. Raises ``Fatal`` naming the setting that is wrong."""
    wait_ms = int(settings.connect_timeout_s * 1000)
    try:
        return KafkaProducer(
            bootstrap_servers=settings.bootstrap.split(","),
            bootstrap_timeout_ms=wait_ms,
            acks="all",
            enable_idempotence=False,  # a letter twice does no harm, and not every broker has producer ids
            compression_type="gzip",  # so that a record at the size limit still fits with its new headers
            max_request_size=REQUEST_BYTES,
            max_block_ms=wait_ms,
            delivery_timeout_ms=wait_ms + LINGER_MS,
            request_timeout_ms=wait_ms,
            linger_ms=LINGER_MS,
            allow_auto_create_topics=False,
            metrics_enabled=False,
            **kafka_python_options(settings),
        )
    except (kafka_errors.KafkaConfigurationError, ValueError, TypeError) as error:
        raise bad_security(settings, error) from error
    except (kafka_errors.KafkaError, OSError) as error:
        raise refusal(settings, str(error)) or unreachable(settings, type(error).__name__) from error
