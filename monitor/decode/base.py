"""From record values to columns: the contract, and the checks every wire format shares."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final, Protocol

import msgspec
import numpy as np
import numpy.typing as npt

from domain.errors import Reason, Rejected
from domain.event import MAX_KEY_ID_BYTES, UNKNOWN, EventColumns, Place, UsageEvent
from monitor.decode.leak import hashed_id, looks_like_secret

Offsets = npt.NDArray[np.int64]

MAX_BYTES: Final = 1 << 20
EARLIEST_MS: Final = 946_684_800_000
"""2000-01-01: an older event time is a mistake in a clock or a unit."""
SECONDS_BELOW: Final = 1e11
"""Numbers below are seconds (until the year 5138), others milliseconds (from 1973)."""
MAX_COUNT: Final = 2**53
KNOWN_KEY_IDS: Final = 200_000


@dataclass(frozen=True, slots=True)
class Limits:
    """``now``: seconds since the epoch, None where events may come from any past (replay of files)."""

    max_bytes: int = MAX_BYTES
    max_future_s: float = 300.0
    now: Callable[[], float] | None = None

    def latest_ms(self) -> int:
        """Event times beyond this are rejected."""
        return 2**53 if self.now is None else int((self.now() + self.max_future_s) * 1000)


@dataclass(frozen=True, slots=True)
class Reject:
    """A record of the batch that cannot be used. The message never holds the value itself."""

    row: int
    offset: int
    reason: Reason
    message: str


@dataclass(frozen=True, slots=True)
class Decoded:
    """Columns of the good events, in record order, and the bad records."""

    columns: EventColumns
    rejects: list[Reject] = field(default_factory=list)


class Decoder(Protocol):
    """One wire format. Never raises for the content of a record."""

    def decode(self, values: Sequence[bytes | None], offsets: Offsets) -> Decoded:
        """Events of the records; a record may hold none (tombstone) or many (same offset)."""


class EventDecoder:
    """Decodes record by record through ``parse``; checks what all formats share.

    ``parse`` turns one value into events and raises ``Rejected``, ``msgspec`` or ``ValueError``.
    One bad record never costs its batch.
    """

    def __init__(self, parse: Callable[[bytes], Iterable[UsageEvent]], limits: Limits) -> None:
        self._parse = parse
        self._limits = limits
        self._good_ids: dict[str, str] = {}

    def decode(self, values: Sequence[bytes | None], offsets: Offsets) -> Decoded:
        if len(self._good_ids) >= KNOWN_KEY_IDS:
            self._good_ids.clear()
        rejects: list[Reject] = []
        events: list[UsageEvent] = []
        times: list[int] = []
        sources: list[int] = []
        latest = self._limits.latest_ms()
        for row, value in enumerate(values):
            if value is None:
                continue
            try:
                found = self._events(value)
                times += [self._checked(event, latest) for event in found]
            except Rejected as error:
                rejects.append(Reject(row, int(offsets[row]), error.reason, str(error)))
                continue
            events += found
            sources += [row] * len(found)
        return Decoded(self._columns(events, times, offsets[sources]), rejects)

    def _checked(self, event: UsageEvent, latest_ms: int) -> int:
        """The event's time in ms, after all checks. One bad event rejects its whole record."""
        ts = event.ts
        ts_ms = ts if type(ts) is int and ts >= SECONDS_BELOW else timestamp_ms(ts)
        if not EARLIEST_MS <= ts_ms <= latest_ms:
            raise Rejected(Reason.BAD_TIMESTAMP, "ts is before the year 2000 or in the future")
        if event.key_id not in self._good_ids:
            self._learn(event.key_id)
        if not _plain(event):
            _check_numbers(event)
        return ts_ms

    def _events(self, value: bytes) -> list[UsageEvent]:
        if len(value) > self._limits.max_bytes:
            raise Rejected(
                Reason.TOO_LARGE, f"record of {len(value)} bytes, the limit is {self._limits.max_bytes}"
            )
        try:
            events = list(self._parse(value))
        except msgspec.ValidationError as error:
            reason = Reason.MISSING_KEY_ID if "`key_id`" in str(error) else Reason.WRONG_TYPE
            raise Rejected(reason, str(error)) from None
        except RecursionError:
            raise Rejected(Reason.TOO_DEEP, "nested too deeply") from None
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise Rejected(Reason.NOT_JSON, "not valid JSON") from None
        return events

    def _learn(self, key_id: str) -> None:
        """Check a key id once; remember what to call it."""
        if not key_id:
            raise Rejected(Reason.MISSING_KEY_ID, "key_id is empty")
        try:
            size = len(key_id.encode())
        except UnicodeEncodeError:
            raise Rejected(Reason.BAD_KEY_ID, "key_id is not valid UTF-8") from None
        if size > MAX_KEY_ID_BYTES or any(ord(c) < 32 or 127 <= ord(c) < 160 for c in key_id):
            raise Rejected(
                Reason.BAD_KEY_ID, f"key_id has control characters or over {MAX_KEY_ID_BYTES} bytes"
            )
        self._good_ids[key_id] = hashed_id(key_id) if looks_like_secret(key_id) else key_id

    def _columns(self, events: list[UsageEvent], times: list[int], offsets: Offsets) -> EventColumns:
        key_ids = [self._good_ids[e.key_id] for e in events]
        leaked = [row for row, e in enumerate(events) if key_ids[row] != e.key_id]
        return EventColumns(
            offset=offsets,
            ts_ms=np.array(times, np.int64),
            key_id=key_ids,
            ip=[e.ip for e in events],
            method=[e.method for e in events],
            endpoint=[e.endpoint for e in events],
            user_agent=[e.user_agent or "" for e in events],
            tenant=[e.tenant or "" for e in events],
            status=np.array([e.status for e in events], np.int32),
            bytes_in=_integers([e.bytes_in for e in events]),
            bytes_out=_integers([e.bytes_out for e in events]),
            latency_us=_integers(
                [None if e.latency_ms is None else int(e.latency_ms * 1000) for e in events]
            ),
            places={
                row: _place(e) for row, e in enumerate(events) if e.country or e.asn or e.lat is not None
            },
            leaked=leaked,
        )


def _integers(values: list[int | None]) -> Offsets:
    return np.array([UNKNOWN if v is None else v for v in values], np.int64)


def _plain(event: UsageEvent) -> bool:
    """Whether the numbers that most events have are in range and the others absent: the usual case."""
    sent, size, took = event.bytes_in, event.bytes_out, event.latency_ms
    return (
        event.asn is None
        and event.lat is None
        and event.lon is None
        and (sent is None or 0 <= sent <= MAX_COUNT)
        and -1 <= event.status <= 999
        and (size is None or 0 <= size <= MAX_COUNT)
        and (took is None or 0 <= took <= MAX_COUNT)
    )


def _place(event: UsageEvent) -> Place:
    nan = float("nan")
    return Place(
        country=event.country or "",
        asn=event.asn or 0,
        lat=nan if event.lat is None else event.lat,
        lon=nan if event.lon is None else event.lon,
    )


def _check_numbers(event: UsageEvent) -> None:
    """Numbers that fit the columns; JSON itself has no bounds."""
    if not UNKNOWN <= event.status <= 999:
        raise Rejected(Reason.WRONG_TYPE, "status is not an HTTP status")
    for name in ("bytes_in", "bytes_out", "latency_ms"):
        value = getattr(event, name)
        if value is not None and not 0 <= value <= MAX_COUNT:
            raise Rejected(Reason.WRONG_TYPE, f"{name} is negative or too large")
    if event.asn is not None and not 0 <= event.asn < 2**32:
        raise Rejected(Reason.WRONG_TYPE, "asn is not a 32-bit number")
    if not -90 <= (event.lat or 0) <= 90 or not -180 <= (event.lon or 0) <= 180:
        raise Rejected(Reason.WRONG_TYPE, "lat or lon is out of range")


def timestamp_ms(ts: str | int | float) -> int:
    """Epoch milliseconds from RFC 3339 text, epoch seconds or epoch milliseconds.

    >>> timestamp_ms("2026-01-01T00:00:00Z") == timestamp_ms(1767225600) == timestamp_ms(1767225600000)
    True
    """
    if not isinstance(ts, str):
        if not abs(ts) < MAX_COUNT:
            raise Rejected(Reason.BAD_TIMESTAMP, "ts is out of range")
        return int(ts * 1000) if ts < SECONDS_BELOW else int(ts)
    try:
        moment = datetime.fromisoformat(ts)
    except ValueError:
        raise Rejected(Reason.BAD_TIMESTAMP, "ts is not RFC 3339") from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    try:
        return round(moment.timestamp() * 1000)
    except (OverflowError, ValueError):
        raise Rejected(Reason.BAD_TIMESTAMP, "ts is out of range") from None
