"""Which addresses a webhook may be sent to, so that its URL cannot be turned against our own network.

Python's ``is_global`` and ``is_link_local`` look at the outer address only: ``::ffff:169.254.169.254`` and
``64:ff9b::a9fe:a9fe`` both lead to a cloud's metadata service. So an address is unwrapped first.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")
"""RFC 6052: the last 32 bits are the IPv4 address."""
_NAT64_LOCAL: Final = ipaddress.IPv6Network("64:ff9b:1::/48")
"""RFC 8215: for a network's own translator, which may lead anywhere in it."""
_COMPATIBLE: Final = ipaddress.IPv6Network("::/96")
"""RFC 4291, 2.5.5.1 (deprecated)."""


@dataclass(frozen=True, slots=True)
class AddressGuard:
    """Allows public addresses, and those of ``networks`` besides."""

    networks: Sequence[Network] = ()

    def allows(self, address: Address) -> bool:
        """Whether to connect.

        >>> guard = AddressGuard()
        >>> [guard.allows(ipaddress.ip_address(a)) for a in ("1.1.1.1", "::ffff:169.254.169.254", "10.0.0.1")]
        [True, False, False]
        """
        inner = unwrapped(address)
        if any(inner in network for network in self.networks):
            return True
        return inner.is_global and not inner.is_multicast and inner not in _NAT64_LOCAL


def unwrapped(address: Address) -> Address:
    """The IPv4 address inside an IPv6 one, where there is one: mapped, NAT64, 6to4, Teredo or compatible."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if address.teredo is not None:
        return address.teredo[1]
    if address in _NAT64 or (address in _COMPATIBLE and int(address) > 1):
        return ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
    return address
