"""Where rejected records are kept: a Kafka topic, a file, or nowhere."""

from __future__ import annotations

import base64
import json
import os
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from kafka import KafkaProducer
from kafka import errors as kafka_errors

from domain.errors import Reason, Transient
from monitor.source.base import DeadLetter
from monitor.source.settings import KafkaSettings, bad_security, interrupted, not_allowed, unreachable

KEPT_BYTES: Final = 64 << 10
"""How much of a value is kept when the broker takes no letter of its size."""
REQUEST_BYTES: Final = 64 << 20
"""The broker's own limit decides, not the client's."""
WAIT_S: Final = 15.0

_TOO_LARGE = (kafka_errors.MessageSizeTooLargeError, kafka_errors.RecordListTooLargeError)
_NOT_ALLOWED = (kafka_errors.SaslAuthenticationFailedError, kafka_errors.AuthorizationError)


class KafkaDeadLetters:
    """Writes key, value and headers as they were, plus ``__keywatch.errors.*``, with ``acks=all``.

    ``settings.topic`` is the dead-letter topic; its partitioning is by record key. A letter that the
    topic finds too large is cut to its first 64 KiB and says so in ``__keywatch.errors.truncated``:
    one oversized record must not stop the consumer for good.
    """

    def __init__(self, settings: KafkaSettings) -> None:
        self._settings = settings
        self._waiting: list[tuple[DeadLetter, Any]] = []
        self._producer = _producer(settings)

    def send(self, record: DeadLetter) -> None:
        self._waiting.append((record, self._write(record)))

    def _write(self, record: DeadLetter, truncated: bool = False) -> Any:
        """The client's future; None when the client itself would not take it."""
        headers = [*record.headers, *((k, v.encode()) for k, v in record.error_headers().items())]
        value = record.value
        if truncated and value is not None:
            headers.append(("__keywatch.errors.truncated", str(len(value)).encode()))
            value = value[:KEPT_BYTES]
        try:
            return self._producer.send(self._settings.topic, value=value, key=record.key, headers=headers)
        except kafka_errors.KafkaError:
            return None

    def flush(self) -> None:
        self._settle()
        if not self._waiting:
            return
        cut = [letter for letter, future in self._waiting if _failure(future) in _TOO_LARGE]
        failed = [letter for letter, future in self._waiting if _failure(future) not in _TOO_LARGE]
        reasons = {_name(_failure(future)) for _, future in self._waiting}
        self._waiting = [(letter, self._write(letter, truncated=True)) for letter in cut]
        if failed:
            self._waiting += [(letter, None) for letter in failed]
            raise self._not_written(len(failed), reasons)
        self._settle()
        if self._waiting:
            raise self._not_written(len(self._waiting), reasons)

    def _settle(self) -> None:
        """Send again what the client did not take, wait, and keep what failed."""
        self._waiting = [
            (letter, self._write(letter) if future is None else future) for letter, future in self._waiting
        ]
        with _translated(self._settings):
            self._producer.flush(timeout=WAIT_S)
        self._waiting = [pair for pair in self._waiting if not _written(pair[1])]

    def _not_written(self, count: int, reasons: set[str]) -> Transient:
        return Transient(
            Reason.UNREACHABLE,
            f"kafka.dead_letter_topic: {count} records could not be written to {self._settings.topic!r} "
            f"({', '.join(sorted(reasons))}): does the topic exist, and may we write to it?",
        )

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


def _name(failure: type[Exception] | None) -> str:
    return "no answer in time" if failure is None else failure.__name__


def _producer(settings: KafkaSettings) -> KafkaProducer:
    try:
        return KafkaProducer(
            bootstrap_servers=settings.bootstrap.split(","),
            bootstrap_timeout_ms=int(settings.connect_timeout_s * 1000),
            acks="all",
            enable_idempotence=False,  # a letter twice does no harm, and not every broker has producer ids
            compression_type="gzip",  # so that a record at the size limit still fits with its new headers
            max_request_size=REQUEST_BYTES,
            max_block_ms=10_000,
            delivery_timeout_ms=12_000,
            request_timeout_ms=10_000,
            linger_ms=20,
            allow_auto_create_topics=False,
            metrics_enabled=False,
            **settings.revealed(),
        )
    except _NOT_ALLOWED as error:
        raise not_allowed(settings, type(error).__name__) from error
    except (kafka_errors.KafkaConfigurationError, ValueError, TypeError) as error:
        raise bad_security(settings, error) from error
    except (kafka_errors.KafkaError, OSError) as error:
        raise unreachable(settings, type(error).__name__) from error


@contextmanager
def _translated(settings: KafkaSettings) -> Iterator[None]:
    try:
        yield
    except _NOT_ALLOWED as error:
        raise not_allowed(settings, type(error).__name__) from error
    except kafka_errors.KafkaError as error:
        raise interrupted(settings, type(error).__name__) from error
