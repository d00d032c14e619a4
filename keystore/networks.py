"""From where a key may be used: address ranges of IPv4 and IPv6. A key without ranges works anywhere."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from domain.errors import Reason, Rejected

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

MAX_NETWORKS: Final = 100
CACHED: Final = 4096
_MAPPED: Final = ipaddress.IPv6Network("::ffff:0:0/96")


def parse_network(text: str) -> Network:
    """A range in CIDR notation, or one address. Raises ``Rejected(WRONG_TYPE)``.

    >>> parse_network("::ffff:198.18.0.0/112"), parse_network("2001:db8::7")
    (IPv4Network('198.18.0.0/16'), IPv6Network('2001:db8::7/128'))
    """
    try:
        network = ipaddress.ip_network(text)
    except ValueError as error:
        raise Rejected(
            Reason.WRONG_TYPE, f"network: {error}; write a range such as 198.18.0.0/24 or 2001:db8::/32"
        ) from None
    if isinstance(network, ipaddress.IPv6Network) and network.subnet_of(_MAPPED):
        low = int(network.network_address) - int(_MAPPED.network_address)
        return ipaddress.IPv4Network((low, network.prefixlen - _MAPPED.prefixlen))
    return network


def normal_networks(texts: Sequence[str]) -> tuple[str, ...]:
    """As they are stored. Raises ``Rejected(WRONG_TYPE)`` for what is no range, or for too many."""
    if len(texts) > MAX_NETWORKS:
        raise Rejected(Reason.WRONG_TYPE, f"networks: {len(texts)}, at most {MAX_NETWORKS}")
    return tuple(str(parse_network(text)) for text in texts)


@lru_cache(maxsize=CACHED)
def parse_address(text: str) -> Address | None:
    """The caller's address, a v4-mapped one as IPv4; None for what is no address."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def network_allowed(texts: tuple[str, ...], ip: str) -> bool:
    """Whether the address is in one of the ranges, or there are none.

    >>> network_allowed(("198.18.0.0/16",), "::ffff:198.18.3.7"), network_allowed((), "nonsense")
    (True, True)
    """
    if not texts:
        return True
    address = parse_address(ip)
    return address is not None and any(address in network for network in _compiled(texts))


@lru_cache(maxsize=CACHED)
def _compiled(texts: tuple[str, ...]) -> tuple[Network, ...]:
    return tuple(ipaddress.ip_network(text) for text in texts)
