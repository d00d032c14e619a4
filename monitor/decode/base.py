"""From record values to columns: the contract, and the checks every wire format shares."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final, Protocol

import msgspec
import numpy as np
import numpy.typing as npt

from domain.errors import Reason, Rejected
from domain.event import MAX_KEY_ID_BYTES, UNKNOWN, EventColumns, Place, UsageEvent
from domain.leak import hashed_id, looks_like_secret, names_leak
from monitor.source.base import Headers

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
    """One wire format. Never raises for the content of a record; those whose schemas are in a registry raise
    ``Transient`` while it does not answer, and may then be called again with the same records."""

    def decode(
        self, values: Sequence[bytes | None], offsets: Offsets, headers: Sequence[Headers] | None = None
    ) -> Decoded:
        """Events of the records; a record may hold none (tombstone) or many (same offset).

        ``headers`` of each record are looked at by formats that need them only: fetching them costs.
        """


class EventDecoder:
    """Decodes through ``parse`` and checks what all formats share.

    ``parse`` turns one value into events and raises ``Rejected``, ``msgspec`` or ``ValueError``.
    A batch without fault is checked column by column; any fault in it, and it is gone through record
    by record, so that one bad record never costs its batch.
    """

    def __init__(self, parse: Callable[[bytes], Sequence[UsageEvent]], limits: Limits) -> None:
        self._parse = parse
        self._limits = limits
        self._good_ids: dict[str, str] = {}
        self._leaks: set[str] = set()

    def decode(
        self, values: Sequence[bytes | None], offsets: Offsets, headers: Sequence[Headers] | None = None
    ) -> Decoded:
        del headers
        if len(self._good_ids) >= KNOWN_KEY_IDS:
            self._good_ids.clear()
            self._leaks.clear()
        latest = self._limits.latest_ms()
        try:
            events, sources = self._parsed(values)
            return Decoded(self._columns(events, offsets[sources], latest))
        except (Rejected, msgspec.MsgspecError, ValueError, OverflowError, RecursionError):
            return self._one_by_one(values, offsets, latest)

    def _parsed(self, values: Sequence[bytes | None]) -> tuple[list[UsageEvent], list[int] | slice]:
        """Events of all records and which record each came from."""
        parse, longest = self._parse, self._limits.max_bytes
        if None in values or max(map(len, values), default=0) > longest:  # type: ignore[arg-type]
            raise Rejected(Reason.TOO_LARGE, "a tombstone, or a record over the limit")
        found = [parse(value) for value in values]  # type: ignore[arg-type]
        events = [event for few in found for event in few]
        if len(events) == len(found) and all(found):
            return events, slice(None)
        return events, [row for row, few in enumerate(found) for _ in few]

    def _one_by_one(self, values: Sequence[bytes | None], offsets: Offsets, latest_ms: int) -> Decoded:
        rejects: list[Reject] = []
        good: list[tuple[int, Sequence[UsageEvent]]] = []
        for row, value in enumerate(values):
            if value is None:
                continue
            try:
                good.append((row, self._events(value)))
            except Rejected as error:
                rejects.append(Reject(row, int(offsets[row]), error.reason, str(error)))
        good = self._sifted(good, offsets, latest_ms, rejects)
        rejects.sort(key=lambda reject: reject.row)
        sources = [row for row, few in good for _ in few]
        return Decoded(self._columns(_flat(good), offsets[sources], latest_ms), rejects)

    def _sifted(
        self,
        records: list[tuple[int, Sequence[UsageEvent]]],
        offsets: Offsets,
        latest_ms: int,
        rejects: list[Reject],
    ) -> list[tuple[int, Sequence[UsageEvent]]]:
        """The records without those out of bounds, which go to ``rejects``: found by halving."""
        try:
            self._columns(_flat(records), offsets, latest_ms)
        except Rejected as error:
            if len(records) == 1:
                row = records[0][0]
                rejects.append(Reject(row, int(offsets[row]), error.reason, str(error)))
                return []
            middle = len(records) // 2
            first = self._sifted(records[:middle], offsets, latest_ms, rejects)
            return first + self._sifted(records[middle:], offsets, latest_ms, rejects)
        return records

    def _events(self, value: bytes) -> Sequence[UsageEvent]:
        if len(value) > self._limits.max_bytes:
            raise Rejected(
                Reason.TOO_LARGE, f"record of {len(value)} bytes, the limit is {self._limits.max_bytes}"
            )
        try:
            return self._parse(value)
        except msgspec.ValidationError as error:
            reason = Reason.MISSING_KEY_ID if "`key_id`" in str(error) else Reason.WRONG_TYPE
            raise Rejected(reason, str(error)) from None
        except RecursionError:
            raise Rejected(Reason.TOO_DEEP, "nested too deeply") from None
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise Rejected(Reason.NOT_JSON, "not valid JSON") from None

    def _learn(self, key_id: str) -> str:
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
        self._good_ids[key_id] = name = hashed_id(key_id) if looks_like_secret(key_id) else key_id
        if names_leak(name):
            self._leaks.add(name)
        return name

    def _columns(self, events: Sequence[UsageEvent], offsets: Offsets, latest_ms: int) -> EventColumns:
        """Raises ``Rejected`` when any event is out of bounds."""
        get = self._good_ids.get
        key_ids = [get(e.key_id) or self._learn(e.key_id) for e in events]
        leaks = self._leaks
        return EventColumns(
            offset=offsets,
            ts_ms=_times([e.ts for e in events], latest_ms),
            key_id=key_ids,
            ip=[e.ip for e in events],
            method=[e.method for e in events],
            endpoint=[e.endpoint for e in events],
            user_agent=[e.user_agent or "" for e in events],
            tenant=[e.tenant or "" for e in events],
            status=_statuses([e.status for e in events]),
            bytes_in=_numbers([e.bytes_in for e in events], "bytes_in"),
            bytes_out=_numbers([e.bytes_out for e in events], "bytes_out"),
            latency_us=_numbers([e.latency_ms for e in events], "latency_ms", 1000.0),
            places={row: _place(e) for row, e in enumerate(events) if _is_placed(e)},
            leaked=[row for row, k in enumerate(key_ids) if k in leaks] if leaks else [],
        )


def _flat(records: list[tuple[int, Sequence[UsageEvent]]]) -> list[UsageEvent]:
    return [event for _, few in records for event in few]


def _times(values: list[str | int | float], latest_ms: int) -> Offsets:
    """Epoch milliseconds (n,) int64."""
    plain = all([type(ts) is int for ts in values])
    try:
        times = np.array(values if plain else [timestamp_ms(ts) for ts in values], np.int64)
    except OverflowError:
        raise Rejected(Reason.BAD_TIMESTAMP, "ts is out of range") from None
    if plain:
        times = np.where(times < SECONDS_BELOW, np.clip(times, -1, None) * 1000, times)
    if len(times) and not (times.min() >= EARLIEST_MS and times.max() <= latest_ms):
        raise Rejected(Reason.BAD_TIMESTAMP, "ts is before the year 2000 or in the future")
    return times


def _statuses(values: list[int]) -> npt.NDArray[np.int32]:
    if values and not UNKNOWN <= min(values) <= max(values) <= 999:
        raise Rejected(Reason.WRONG_TYPE, "status is not an HTTP status")
    return np.array(values, np.int32)


def _numbers(values: Sequence[float | None], name: str, scale: float = 1.0) -> Offsets:
    """``values`` times ``scale`` (n,) int64, UNKNOWN where there is none. JSON itself has no bounds."""
    try:
        found = np.array(values, np.float64)
    except OverflowError:
        raise Rejected(Reason.WRONG_TYPE, f"{name} is too large") from None
    known = found == found
    if not ((found >= 0) & (found <= MAX_COUNT) | ~known).all():
        raise Rejected(Reason.WRONG_TYPE, f"{name} is negative or too large")
    if known.all():
        return (found * scale).astype(np.int64)
    return np.where(known, np.nan_to_num(found) * scale, UNKNOWN).astype(np.int64)


def _is_placed(event: UsageEvent) -> bool:
    """Whether the source said where the address is."""
    return bool(event.country or event.asn is not None or event.lat is not None or event.lon is not None)


def _place(event: UsageEvent) -> Place:
    if event.asn is not None and not 0 <= event.asn < 2**32:
        raise Rejected(Reason.WRONG_TYPE, "asn is not a 32-bit number")
    if not -90 <= (event.lat or 0) <= 90 or not -180 <= (event.lon or 0) <= 180:
        raise Rejected(Reason.WRONG_TYPE, "lat or lon is out of range")
    nan = float("nan")
    return Place(
        country=event.country or "",
        asn=event.asn or 0,
        lat=nan if event.lat is None else event.lat,
        lon=nan if event.lon is None else event.lon,
    )


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
