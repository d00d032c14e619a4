"""The fictional network plan of the sample streams: reserved addresses, private-use ASNs.

198.18.0.0/15 is set aside for benchmarks (RFC 2544) and ASNs 64512-65534 for private use (RFC 6996),
so no stream can point at anybody.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

BASE: Final = int(ipaddress.ip_address("198.18.0.0"))


@dataclass(frozen=True, slots=True)
class Network:
    """A block of ``size`` /24s starting at number ``first`` of 198.18.0.0/15."""

    name: str
    first: int
    size: int
    asn: int
    country: str
    lat: float
    lon: float

    def address(self, prefix: int, host: int) -> str:
        """Host ``host`` of the block's ``prefix``-th /24."""
        return str(ipaddress.ip_address(BASE + ((self.first + prefix % self.size) << 8) + 1 + host % 250))


PLAN: Final = {
    n.name: n
    for n in (
        Network("cloud-us", 0, 8, 64600, "US", 39.04, -77.49),
        Network("cloud-eu", 8, 8, 64600, "IE", 53.35, -6.26),
        Network("cloud-ap", 16, 8, 64600, "SG", 1.35, 103.82),
        Network("cloud-sa", 24, 8, 64600, "BR", -23.55, -46.63),
        Network("cloud-jp", 32, 8, 64600, "JP", 35.68, 139.69),
        Network("office-nl", 40, 2, 64610, "NL", 52.37, 4.9),
        Network("office-de", 42, 2, 64611, "DE", 52.52, 13.4),
        Network("office-us", 44, 2, 64612, "US", 37.77, -122.42),
        Network("office-gb", 46, 2, 64613, "GB", 51.51, -0.13),
        Network("host-ro", 60, 4, 64700, "RO", 44.43, 26.1),
        Network("host-ru", 64, 4, 64701, "RU", 55.76, 37.62),
        Network("host-vn", 68, 4, 64702, "VN", 21.03, 105.85),
        *(
            Network(f"proxy-{c}", 100 + 10 * i, 10, 64800 + i, c, lat, lon)
            for i, (c, lat, lon) in enumerate(
                (
                    ("BR", -15.8, -47.9),
                    ("IN", 28.6, 77.2),
                    ("ID", -6.2, 106.8),
                    ("TR", 39.9, 32.9),
                    ("MX", 19.4, -99.1),
                    ("EG", 30.0, 31.2),
                    ("PL", 52.2, 21.0),
                    ("ZA", -26.2, 28.0),
                    ("AR", -34.6, -58.4),
                    ("TH", 13.8, 100.5),
                )
            )
        ),
    )
}


def write_mmdb(path: Path) -> None:
    """The plan as an MMDB in the flat schema of ip-location-db."""
    from mmdb_writer import MMDBWriter
    from netaddr import IPNetwork, IPSet

    writer = MMDBWriter(ip_version=4, database_type="keywatch-sample", description="fictional")
    for network in PLAN.values():
        heads = (network.address(i, 0).rsplit(".", 1)[0] for i in range(network.size))
        blocks = IPSet(IPNetwork(f"{head}.0/24") for head in heads)
        writer.insert_network(
            blocks,
            {
                "country_code": network.country,
                "latitude": network.lat,
                "longitude": network.lon,
                "autonomous_system_number": network.asn,
                "autonomous_system_organization": network.name,
            },
        )
    writer.to_db_file(str(path))
