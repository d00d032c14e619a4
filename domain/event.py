"""One request made with an API key, as the wire tells it and as columns."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt

MAX_KEY_ID_BYTES: Final = 256
"""Longest key id we keep; an identifier, so anything longer is a mistake in the mapping."""

UNKNOWN: Final = -1
"""In integer columns: the source did not say."""


class UsageEvent(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The ``native`` wire format: one JSON object per Kafka record.

    ``ts`` is an RFC 3339 string, epoch seconds or epoch milliseconds. ``key_id`` is the key's public
    identifier, never the secret. ``ip`` may also be a service name, as CloudTrail writes.
    Unknown fields are ignored. Example::

        {"ts": 1767225600000, "key_id": "key_7Hq", "ip": "198.18.3.7", "method": "GET",
         "endpoint": "/v1/items/42", "status": 200, "bytes_out": 812, "user_agent": "curl/8.5.0"}
    """

    ts: str | int | float
    key_id: str
    ip: str = ""
    method: str = ""
    endpoint: str = ""
    status: int = UNKNOWN
    event_id: str | None = None
    bytes_in: int | None = None
    bytes_out: int | None = None
    latency_ms: float | None = None
    user_agent: str | None = None
    tenant: str | None = None
    country: str | None = None
    asn: int | None = None
    lat: float | None = None
    lon: float | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """Where an address is: what a source sent pre-enriched, or what an MMDB said.

    ``country`` is ISO 3166-1 alpha-2 or "", ``asn`` 0 when unknown, ``lat``/``lon`` degrees or NaN.
    """

    country: str = ""
    asn: int = 0
    lat: float = float("nan")
    lon: float = float("nan")


@dataclass(slots=True)
class EventColumns:
    """Decoded events of one partition in offset order; every column has length n.

    Strings stay Python lists, as they are interned next. ``UNKNOWN`` (-1) marks missing integers.
    """

    offset: npt.NDArray[np.int64]
    ts_ms: npt.NDArray[np.int64]
    key_id: list[str]
    ip: list[str]
    method: list[str]
    endpoint: list[str]
    user_agent: list[str]
    tenant: list[str]
    status: npt.NDArray[np.int32]
    bytes_in: npt.NDArray[np.int64]
    bytes_out: npt.NDArray[np.int64]
    latency_us: npt.NDArray[np.int64]
    places: dict[int, Place] = field(default_factory=dict)
    """Row number -> place, for the rows whose source already told it."""
    leaked: list[int] = field(default_factory=list)
    """Row numbers whose ``key_id`` was a full secret, or names one that was met upstream: the column holds
    its hashed id."""

    def __len__(self) -> int:
        return len(self.key_id)


@dataclass(slots=True)
class EnrichedColumns:
    """Events after enrichment, ready for the baseline: every string that repeats is now a number.

    Row i of every column is the same event. ``prefix`` is :func:`domain.network.pack_prefix` of the
    address' /24 or /48, ``country`` is :func:`domain.network.pack_country`, ``asn`` 0 when unknown,
    ``lat``/``lon`` degrees or NaN. ``listed`` has a bit for each of the operator's network lists.
    ``client``, ``endpoint`` and ``path`` are 32-bit hashes of the client family, of "METHOD /template"
    and of the path as it came; 0 means the source did not say.
    """

    offset: npt.NDArray[np.int64]
    ts_ms: npt.NDArray[np.int64]
    key_id: list[str]
    prefix: npt.NDArray[np.uint64]
    asn: npt.NDArray[np.uint32]
    country: npt.NDArray[np.uint16]
    lat: npt.NDArray[np.float32]
    lon: npt.NDArray[np.float32]
    listed: npt.NDArray[np.uint8]
    client: npt.NDArray[np.uint32]
    endpoint: npt.NDArray[np.uint32]
    path: npt.NDArray[np.uint32]
    write: npt.NDArray[np.bool_]
    status: npt.NDArray[np.int32]
    bytes_in: npt.NDArray[np.int64]
    bytes_out: npt.NDArray[np.int64]
    latency_us: npt.NDArray[np.int64]
    raw: EventColumns
    """The columns this came from, for evidence (the exact address, agent and path of one row)."""

    def __len__(self) -> int:
        return len(self.key_id)
