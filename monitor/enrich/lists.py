"""Networks the operator has lists of: hosting, VPN, Tor, or anything else worth a word in an alert."""

from __future__ import annotations

import ipaddress
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from domain.address import Address
from domain.errors import Fatal, Reason
from monitor.enrich.refreshed import Refreshed

MAX_LISTS: Final = 8
"""One bit each in a byte of every row."""


@dataclass(slots=True)
class _List:
    """Starts and ends of merged address ranges by version, and operators."""

    path: Path
    stamp: tuple[int, int]
    starts: dict[int, list[int]]
    ends: dict[int, list[int]]
    asns: frozenset[int]

    def holds(self, address: Address | None, asn: int) -> bool:
        """Whether the address or its operator is on the list."""
        if asn in self.asns:
            return True
        if address is None:
            return False
        at = bisect_right(self.starts[address.version], int(address)) - 1
        return at >= 0 and int(address) <= self.ends[address.version][at]


class NetworkLists:
    """Named lists, in the order of their bits. A file holds one address, CIDR or ``AS64500`` a line; ``#``
    begins a comment. Read again when a file changes; a broken one is refused and the old one kept.
    """

    def __init__(self, files: Mapping[str, Path]) -> None:
        if len(files) > MAX_LISTS:
            raise Fatal(Reason.CONFIG, f"geoip.lists: at most {MAX_LISTS} lists, there are {len(files)}")
        self.names = tuple(files)
        self._lists = [_read(name, path) for name, path in files.items()]

    def lookup(self, address: Address | None, asn: int) -> int:
        """A bit for each list that has the address (or its operator, 0 = unknown)."""
        bits = 0
        for number, one in enumerate(self._lists):
            bits |= one.holds(address, asn) << number
        return bits

    def reload_if_changed(self) -> list[Refreshed]:
        """Read changed files anew; a broken one is refused and the old one kept."""
        return [found for number, name in enumerate(self.names) if (found := self._refreshed(number, name))]

    def _refreshed(self, number: int, name: str) -> Refreshed | None:
        path = self._lists[number].path
        try:
            if _stamp(name, path) == self._lists[number].stamp:
                return None
            self._lists[number] = _read(name, path)
        except Fatal as error:
            return Refreshed("lists", path, error)
        return Refreshed("lists", path)


def _stamp(name: str, path: Path) -> tuple[int, int]:
    try:
        found = path.stat()
    except OSError as error:
        raise Fatal(Reason.CONFIG, f"geoip.lists.{name}: cannot read {path}: {error.strerror}") from error
    return found.st_mtime_ns, found.st_size


def _lines(name: str, path: Path) -> list[str]:
    try:
        return path.read_text().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise Fatal(Reason.CONFIG, f"geoip.lists.{name}: cannot read {path} as text: {error}") from error


def _read(name: str, path: Path) -> _List:
    stamp = _stamp(name, path)
    networks: dict[int, list[ipaddress.IPv4Network | ipaddress.IPv6Network]] = {4: [], 6: []}
    asns = set()
    for number, line in enumerate(_lines(name, path), 1):
        text = line.partition("#")[0].strip()
        if not text:
            continue
        try:
            if text[:2].upper() == "AS":
                asns.add(int(text[2:]))
            else:
                network = ipaddress.ip_network(text, strict=False)
                networks[network.version].append(network)
        except ValueError:
            raise Fatal(
                Reason.CONFIG, f"geoip.lists.{name}: {path} line {number} is no address, CIDR or AS number"
            ) from None
    merged = {version: sorted(ipaddress.collapse_addresses(found)) for version, found in networks.items()}  # type: ignore[type-var]
    return _List(
        path,
        stamp,
        {v: [int(n.network_address) for n in found] for v, found in merged.items()},
        {v: [int(n.broadcast_address) for n in found] for v, found in merged.items()},
        frozenset(asns),
    )
