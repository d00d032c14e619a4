"""Strings to numbers: networks with their place, client families, endpoint templates.

Every distinct string is worked out once and then is one dict look-up, about 60 ns an event and field.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import repeat
from typing import Final
from zlib import crc32

import numpy as np
import numpy.typing as npt

from domain.address import parse_address
from domain.endpoint import WRITES, shortened, template
from domain.event import EnrichedColumns, EventColumns, Place
from domain.network import pack_country
from monitor.enrich.address import packed
from monitor.enrich.client import family, name_hash
from monitor.enrich.geo import Geo
from monitor.enrich.lists import NetworkLists
from monitor.enrich.refreshed import Refreshed

Ints = npt.NDArray[np.int64]
MAX_INTERNED: Final = 500_000
_NETWORK: Final = np.dtype(
    [("prefix", "<u8"), ("asn", "<u4"), ("country", "<u2"), ("lat", "<f4"), ("lon", "<f4"), ("listed", "u1")]
)


class Enricher:
    """Owned by the consumer thread; bounded: a full table starts again."""

    def __init__(self, geo: Geo, lists: NetworkLists | None = None, max_interned: int = MAX_INTERNED) -> None:
        self._geo = geo
        self._lists = lists or NetworkLists({})
        self._max = max_interned
        self._networks: dict[str, int] = {}
        self._rows = np.zeros(1024, _NETWORK)
        self._clients: dict[str, int] = {}
        self._endpoints: dict[tuple[str, str], int] = {}
        self._numbered: dict[tuple[str, str], int] = {}
        """Of endpoints that end in a number, by what is before it: most ids are numbers at the end."""

    def enrich(self, columns: EventColumns) -> EnrichedColumns:
        """The columns with every repeating string as a number."""
        rows = self._network_rows(columns.ip)
        network = self._rows.take(rows)
        for row, place in columns.places.items():
            network[row] = _with_place(network[row], place)
        endpoint, write = self._endpoint_columns(columns.method, columns.endpoint)
        return EnrichedColumns(
            offset=columns.offset,
            ts_ms=columns.ts_ms,
            key_id=columns.key_id,
            prefix=np.ascontiguousarray(network["prefix"]),
            asn=np.ascontiguousarray(network["asn"]),
            country=np.ascontiguousarray(network["country"]),
            lat=np.ascontiguousarray(network["lat"]),
            lon=np.ascontiguousarray(network["lon"]),
            listed=np.ascontiguousarray(network["listed"]),
            client=self._client_column(columns.user_agent),
            endpoint=endpoint,
            path=np.array([crc32(path.encode("utf-8", "replace")) for path in columns.endpoint], np.uint32),
            write=write,
            status=columns.status,
            bytes_in=columns.bytes_in,
            bytes_out=columns.bytes_out,
            latency_us=columns.latency_us,
            raw=columns,
        )

    def reload(self) -> list[Refreshed]:
        """Take up changed GeoIP files and network lists; what was looked up in old ones is forgotten."""
        found = self._geo.reload_if_changed() + self._lists.reload_if_changed()
        if any(one.error is None for one in found):
            self._networks.clear()
        return found

    def _network_rows(self, addresses: Sequence[str]) -> Ints:
        known = self._networks
        rows = _numbers(known, addresses)
        if (rows < 0).any():
            if len(known) > self._max:
                known.clear()
            for text in addresses:
                if text not in known:
                    self._look_up(text)
            rows = _numbers(known, addresses)
        return rows

    def _look_up(self, text: str) -> int:
        row = len(self._networks)
        if row == len(self._rows):
            self._rows = np.concatenate([self._rows, np.zeros(row, _NETWORK)])
        address = parse_address(text)
        place = self._geo.lookup(address)
        prefix = packed(text, address)
        listed = self._lists.lookup(address, place.asn)
        self._rows[row] = (prefix, place.asn, pack_country(place.country), place.lat, place.lon, listed)
        self._networks[text] = row
        return row

    def _client_column(self, agents: Sequence[str]) -> npt.NDArray[np.uint32]:
        known = self._clients
        hashes = _numbers(known, agents)
        if (hashes < 0).any():
            fresh = set(agents).difference(known)
            if len(known) + len(fresh) > self._max:
                known.clear()
                fresh = set(agents)
            for agent in fresh:
                known[agent] = name_hash(family(agent))
            hashes = _numbers(known, agents)
        return hashes.astype(np.uint32)

    def _endpoint_columns(
        self, methods: Sequence[str], paths: Sequence[str]
    ) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.bool_]]:
        get, numbered, fold, work_out = self._endpoints.get, self._numbered.get, shortened, self._endpoint
        found = []
        for method, path in zip(methods, paths, strict=True):
            head, _, last = path.rpartition("/")
            code = numbered((method, head)) if last.isdecimal() else None
            found.append(code or get((method, fold(path))) or work_out(method, path))
        codes = np.array(found, np.uint64)
        return (codes >> np.uint64(2)).astype(np.uint32), (codes & np.uint64(2)) > 0

    def _endpoint(self, method: str, path: str) -> int:
        """The template's hash, then a bit for writes, then a 1: never 0.

        Templates are kept and paths are not: paths with ids in them never end.
        """
        pair = (method, template(path))
        code = self._endpoints.get(pair, 0)
        if not code:
            if len(self._endpoints) > self._max:
                self._endpoints.clear()
                self._numbered.clear()
            code = name_hash(" ".join(pair).strip()) << 2 | (method.upper() in WRITES) << 1 | 1
            self._endpoints[pair] = code
        head, _, last = path.rpartition("/")
        if last.isdecimal() and pair[1] == f"{head}/{{id}}":
            self._numbered[method, head] = code
        return code


def _numbers(known: dict[str, int], texts: Sequence[str]) -> Ints:
    """What is known of each (n,), -1 for those that were never met."""
    return np.fromiter(map(known.get, texts, repeat(-1)), np.int64, len(texts))


def _with_place(network: np.void, place: Place) -> tuple[object, ...]:
    """What the source itself said, over what the files say."""
    located = place.lat == place.lat
    return (
        network["prefix"],
        place.asn or network["asn"],
        pack_country(place.country) or network["country"],
        place.lat if located else network["lat"],
        place.lon if located else network["lon"],
        network["listed"],
    )
