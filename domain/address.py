"""What is in an address field: an address in some wrapping, a service's name, or nothing."""

from __future__ import annotations

import ipaddress
from typing import Final

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_NAT64: Final = ipaddress.ip_network("64:ff9b::/96")


def parse_address(text: str) -> Address | None:
    """The address, unwrapped from port, brackets, zone, list, v4-mapped, NAT64 and 6to4 forms.

    >>> [str(parse_address(t)) for t in ("198.18.0.1:443", "[2001:db8::1]:80", "AWS Internal")]
    ['198.18.0.1', '2001:db8::1', 'None']
    """
    try:
        return _unwrapped(ipaddress.ip_address(text))
    except ValueError:
        pass
    for part in text.split(","):
        address = _one(part.strip())
        if address is not None:
            return _unwrapped(address)
    return None


def _one(text: str) -> Address | None:
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        return ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None


def _unwrapped(address: Address) -> Address:
    if address.version == 4:
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address
