"""Where an address is, from MMDB files of either common schema."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import maxminddb

from domain.address import Address
from domain.errors import Fatal, Reason
from domain.event import Place
from monitor.enrich.refreshed import Refreshed

VENDORED: Final = Path(__file__).parent / "data" / "dbip-country.mmdb"
"""DB-IP's country database (CC BY 4.0, https://db-ip.com)."""


@dataclass(slots=True)
class _File:
    path: Path
    reader: Any
    stamp: tuple[int, int]
    holds_v6: bool


class Geo:
    """Looks an address up in every file; earlier files win, later ones fill what is missing.

    Reads MaxMind's nested schema (``country.iso_code``, ``location.latitude``) and the flat one of
    ip-location-db (``country_code``, ``latitude``). Not thread-safe: one a consumer.
    """

    def __init__(self, paths: Sequence[Path]) -> None:
        self._files = [_open(path) for path in paths]

    def lookup(self, address: Address | None) -> Place:
        """The place of an address, empty for one that no file knows or for None."""
        place = Place()
        if address is None:
            return place
        for file in self._files:
            if file.holds_v6 or address.version == 4:
                record = file.reader.get(address)
                place = _filled(place, record) if isinstance(record, dict) else place
        return place

    def reload_if_changed(self) -> list[Refreshed]:
        """Open files anew that changed on disk; a broken one is refused and the old one kept."""
        return [found for number in range(len(self._files)) if (found := self._refreshed(number))]

    def _refreshed(self, number: int) -> Refreshed | None:
        file = self._files[number]
        try:
            if _stamp(file.path) == file.stamp:
                return None
            self._files[number] = _open(file.path)
        except Fatal as error:
            return Refreshed("geoip", file.path, error)
        file.reader.close()
        return Refreshed("geoip", file.path)


def _stamp(path: Path) -> tuple[int, int]:
    try:
        found = path.stat()
    except OSError as error:
        raise Fatal(Reason.CONFIG, f"geoip.databases: cannot read {path}: {error.strerror}") from error
    return found.st_mtime_ns, found.st_size


def _open(path: Path) -> _File:
    stamp = _stamp(path)
    try:
        reader = maxminddb.open_database(path)
        return _File(path, reader, stamp, reader.metadata().ip_version == 6)
    except (maxminddb.InvalidDatabaseError, OSError, ValueError) as error:
        raise Fatal(Reason.CONFIG, f"geoip.databases: {path} is not an MMDB file: {error}") from error


def _filled(place: Place, record: dict[str, Any]) -> Place:
    nan = float("nan")
    location = _nested(record, "location")
    country = record.get("country_code") or _nested(record, "country").get("iso_code") or ""
    asn = record.get("autonomous_system_number") or record.get("asn") or 0
    lat = record.get("latitude", location.get("latitude", nan))
    lon = record.get("longitude", location.get("longitude", nan))
    has_point = place.lat == place.lat
    return Place(
        country=place.country or str(country),
        asn=place.asn or _number(asn, int, 0),
        lat=place.lat if has_point else _number(lat, float, nan),
        lon=place.lon if has_point else _number(lon, float, nan),
    )


def _nested(record: dict[str, Any], name: str) -> dict[str, Any]:
    value = record.get(name)
    return value if isinstance(value, dict) else {}


def _number(value: Any, kind: Any, otherwise: Any) -> Any:
    try:
        return kind(value)
    except (TypeError, ValueError):
        return otherwise
