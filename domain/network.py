"""Addresses as numbers that read back exactly: a /24 or /48 prefix in 64 bits, a country in 16."""

from __future__ import annotations

import ipaddress
from typing import Final

IPV4_TAG: Final = 4
IPV6_TAG: Final = 6
OTHER_TAG: Final = 1
NO_PREFIX: Final = 0
_TAG_SHIFT: Final = 56


def pack_prefix(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> int:
    """The /24 (IPv4) or /48 (IPv6) of an address as a reversible 64-bit number, never 0.

    >>> unpack_prefix(pack_prefix(ipaddress.ip_address("198.18.7.9")))
    '198.18.7.0/24'
    """
    if address.version == 4:
        return (IPV4_TAG << _TAG_SHIFT) | (int(address) >> 8)
    return (IPV6_TAG << _TAG_SHIFT) | (int(address) >> 80)


def unpack_prefix(packed: int) -> str:
    """The text of a packed prefix; "" for 0, "service" for a name that is not an address."""
    tag, bits = packed >> _TAG_SHIFT, packed & ((1 << _TAG_SHIFT) - 1)
    if tag == IPV4_TAG:
        return f"{ipaddress.IPv4Address(bits << 8)}/24"
    if tag == IPV6_TAG:
        return f"{ipaddress.IPv6Address(bits << 80)}/48"
    return "" if packed == NO_PREFIX else "service"


def pack_country(code: str) -> int:
    """An ISO 3166-1 alpha-2 code as 1..676; 0 for anything else.

    >>> pack_country("NL"), pack_country("n/a")
    (350, 0)
    """
    if len(code) != 2 or not code.isascii() or not code.isalpha():
        return 0
    upper = code.upper()
    return (ord(upper[0]) - 65) * 26 + ord(upper[1]) - 65 + 1


def unpack_country(packed: int) -> str:
    """The two letters of a packed country; "" for 0.

    >>> unpack_country(350)
    'NL'
    """
    if packed == 0:
        return ""
    first, second = divmod(int(packed) - 1, 26)
    return chr(65 + first) + chr(65 + second)
