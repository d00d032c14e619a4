"""The fictional network plan of the corpus: blocks of reserved addresses with country, operator and place.

IPv4 blocks lie in 198.18.0.0/15 (benchmarks, RFC 2544) and 100.64.0.0/10 (shared space behind carriers,
RFC 6598), IPv6 in 2001:db8::/32 (documentation, RFC 3849); operators have private-use AS numbers
(RFC 6996). So no corpus can point at anybody.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Final

_SPACES: Final = {
    "bench": (ipaddress.ip_network("198.18.0.0/15"), 24),
    "shared": (ipaddress.ip_network("100.64.0.0/10"), 24),
    "v6": (ipaddress.ip_network("2001:db8::/32"), 48),
}

CITIES: Final = {
    "US": (40.71, -74.01), "CA": (43.65, -79.38), "BR": (-23.55, -46.63), "MX": (19.43, -99.13),
    "AR": (-34.60, -58.38), "CL": (-33.45, -70.67), "CO": (4.71, -74.07), "GB": (51.51, -0.13),
    "IE": (53.35, -6.26), "NL": (52.37, 4.90), "DE": (52.52, 13.40), "FR": (48.86, 2.35),
    "ES": (40.42, -3.70), "PT": (38.72, -9.14), "IT": (41.90, 12.50), "CH": (47.38, 8.54),
    "AT": (48.21, 16.37), "SE": (59.33, 18.07), "FI": (60.17, 24.94), "PL": (52.23, 21.01),
    "CZ": (50.08, 14.44), "RO": (44.43, 26.10), "BG": (42.70, 23.32), "UA": (50.45, 30.52),
    "RU": (55.76, 37.62), "TR": (41.01, 28.98), "EG": (30.04, 31.24), "NG": (6.52, 3.38),
    "KE": (-1.29, 36.82), "ZA": (-26.20, 28.05), "AE": (25.20, 55.27), "IL": (32.09, 34.78),
    "IN": (19.08, 72.88), "ID": (-6.21, 106.85), "VN": (21.03, 105.85), "TH": (13.76, 100.50),
    "SG": (1.35, 103.82), "HK": (22.32, 114.17), "TW": (25.03, 121.57), "KR": (37.57, 126.98),
    "JP": (35.68, 139.69), "AU": (-33.87, 151.21), "NZ": (-36.85, 174.76), "PH": (14.60, 120.98),
}  # fmt: skip
"""Country -> latitude and longitude of its first city. Second operators sit in another one."""

CLOUD_REGIONS: Final = {
    "us-east": ("US", 39.04, -77.49), "us-west": ("US", 45.84, -119.70), "ca": ("CA", 45.50, -73.57),
    "eu-west": ("IE", 53.35, -6.26), "eu-central": ("DE", 50.11, 8.68), "eu-north": ("SE", 59.33, 18.07),
    "ap-south": ("IN", 19.08, 72.88), "ap-southeast": ("SG", 1.35, 103.82),
    "ap-northeast": ("JP", 35.68, 139.69), "sa-east": ("BR", -23.55, -46.63),
    "au": ("AU", -33.87, 151.21),
}  # fmt: skip
HOSTING: Final = ("NL", "DE", "FR", "US", "US", "GB", "RO", "BG", "RU", "UA", "VN", "SG", "HK", "TR", "PL",
                  "CA", "FI", "CZ", "SE", "IN", "BR", "ZA", "ES", "JP", "IE", "AU", "MX", "IT", "CH", "AT",
                  "AE")  # fmt: skip
OFFICES: Final = ("US", "CA", "BR", "MX", "GB", "IE", "NL", "DE", "FR", "ES", "IT", "CH", "AT", "SE", "PL",
                  "CZ", "IN", "SG", "JP", "AU", "ZA", "AE")  # fmt: skip
VPNS: Final = ("US", "GB", "NL", "DE", "CH", "SE", "SG", "JP")


@dataclass(frozen=True, slots=True)
class Block:
    """``size`` networks (a /24 or a /48) from number ``first`` of a space. ``kind`` is one of cloud, isp,
    hosting, carrier, proxy, vpn, tor."""

    name: str
    kind: str
    space: str
    first: int
    size: int
    asn: int
    country: str
    lat: float
    lon: float

    def address(self, network: int, host: int) -> str:
        """Host ``host`` of the block's ``network``-th network; both wrap around."""
        space, length = _SPACES[self.space]
        shift = space.max_prefixlen - length
        base = int(space.network_address) + ((self.first + network % self.size) << shift)
        return str(type(space.network_address)(base + 1 + host % 250))

    def networks(self) -> Iterator[str]:
        """Its networks as CIDRs."""
        space, length = _SPACES[self.space]
        for number in range(self.first, self.first + self.size):
            base = int(space.network_address) + (number << (space.max_prefixlen - length))
            yield f"{type(space.network_address)(base)}/{length}"


class _Book:
    """Hands out numbers of the spaces, one block after the other."""

    def __init__(self) -> None:
        self.blocks: dict[str, Block] = {}
        self._next = dict.fromkeys(_SPACES, 0)

    def add(
        self, name: str, kind: str, space: str, size: int, asn: int, place: tuple[str, float, float]
    ) -> None:
        self.blocks[name] = Block(name, kind, space, self._next[space], size, asn, *place)
        self._next[space] += size


def _city(country: str, second: bool = False) -> tuple[str, float, float]:
    lat, lon = CITIES[country]
    return (country, round(lat - 2.1, 2), round(lon - 2.3, 2)) if second else (country, lat, lon)


def _plan() -> dict[str, Block]:
    book = _Book()
    for c, (region, place) in product(range(3), CLOUD_REGIONS.items()):
        book.add(f"cloud{c}-{region}", "cloud", "bench", 4, 64600 + c, place)
        book.add(f"cloud{c}-{region}-v6", "cloud", "v6", 2, 64600 + c, place)
    for i, country in enumerate(OFFICES):
        _offices(book, i, country)
    for i, country in enumerate(HOSTING):
        book.add(f"host{i:02d}-{country}", "hosting", "bench", 4, 64740 + i, _city(country, second=True))
    for i, country in enumerate(CITIES):
        book.add(f"mobile-{country}", "carrier", "shared", 48, 64800 + i, _city(country))
        book.add(f"proxy-{country}", "proxy", "shared", 24, 64860 + i, _city(country, second=True))
    for i, country in product(range(4), VPNS):
        book.add(f"vpn{i}-{country}", "vpn", "bench", 1, 64920 + i, _city(country))
    for country in ("NL", "DE", "US", "RO"):
        book.add(f"tor-{country}", "tor", "bench", 1, 64740 + HOSTING.index(country), _city(country))
    return book.blocks


def _offices(book: _Book, number: int, country: str) -> None:
    """Two providers for companies in the first city, one for homes in the second."""
    for n in range(2):
        book.add(f"isp{n}-{country}", "isp", "bench", 4, 64620 + 2 * number + n, _city(country))
        book.add(f"isp{n}-{country}-v6", "isp", "v6", 4, 64620 + 2 * number + n, _city(country))
    book.add(f"home-{country}", "isp", "shared", 24, 64700 + number, _city(country, second=True))


PLAN: Final = _plan()

LISTS: Final = {
    "tor": [name for name in PLAN if name.startswith("tor-")],
    "vpn": [name for name in PLAN if name.startswith(("vpn0-", "vpn1-"))],
    "hosting": [name for name in PLAN if name.startswith("host") and int(name[4:6]) % 2 == 0],
}
"""The operator's lists, as incomplete as real ones: every Tor exit, half of the VPN and hosting operators."""


def named(kind: str, country: str = "") -> list[str]:
    """IPv4 blocks of a kind, in a country if given."""
    return [
        b.name for b in PLAN.values()
        if b.kind == kind and b.space != "v6" and country in ("", b.country)
    ]  # fmt: skip


def write_lists(folder: Path) -> dict[str, str]:
    """Write the network lists; list name -> file name."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, blocks in LISTS.items():
        lines = [network for block in blocks for network in PLAN[block].networks()]
        (folder / f"{name}.txt").write_text("\n".join(lines) + "\n")
    return {name: f"{folder.name}/{name}.txt" for name in LISTS}


def write_mmdb(path: Path) -> None:
    """The plan as an MMDB in the flat schema of ip-location-db."""
    from mmdb_writer import MMDBWriter
    from netaddr import IPNetwork, IPSet

    writer = MMDBWriter(
        ip_version=6, ipv4_compatible=True, database_type="keywatch-corpus", description="fictional"
    )
    for block in PLAN.values():
        writer.insert_network(
            IPSet(IPNetwork(network) for network in block.networks()),
            {
                "country_code": block.country,
                "latitude": block.lat,
                "longitude": block.lon,
                "autonomous_system_number": block.asn,
                "autonomous_system_organization": block.name,
            },
        )
    writer.to_db_file(str(path))
