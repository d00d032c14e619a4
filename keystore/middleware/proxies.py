"""Who the client is when proxies stand in between. By default nobody is believed."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from domain.address import Address, parse_address
from domain.errors import Fatal, Reason

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

HEADER: Final = "x-forwarded-for"


@dataclass(frozen=True, slots=True)
class TrustedProxies:
    """Which entries of ``X-Forwarded-For`` were written by proxies of ours.

    A proxy appends the address it was called from, so the list is read from its end: entries further
    left may be anything that the client made up. Set one of the two:

    hops
        How many proxies stand in front, all of which append. 0 takes the connection's own address.
    networks
        The proxies' addresses: the client is the last one that is not among them. Safer than ``hops``
        when the application can also be reached around a proxy.
    """

    hops: int = 0
    networks: tuple[Network, ...] = ()

    def __post_init__(self) -> None:
        if self.hops < 0 or (self.hops and self.networks):
            raise Fatal(Reason.CONFIG, "trusted proxies: set hops (0 or more) or networks, not both")

    @classmethod
    def of(cls, hops: int = 0, networks: Sequence[str] = ()) -> TrustedProxies:
        """From settings. Raises ``Fatal(CONFIG)`` for text that is no CIDR."""
        try:
            return cls(hops, tuple(ipaddress.ip_network(network) for network in networks))
        except ValueError as error:
            raise Fatal(Reason.CONFIG, f"trusted proxies: {error}; write CIDRs such as 10.0.0.0/8") from error

    def client(self, peer: str, forwarded: Sequence[str]) -> str:
        """The client's address, "" when not known. ``forwarded``: the header's values in order."""
        entries = [entry.strip() for value in forwarded for entry in value.split(",")]
        chain = [*entries, peer] if self.hops or self.networks else [peer]
        if self.networks:
            return self._first_stranger(chain)
        return _text(parse_address(chain[max(len(chain) - 1 - self.hops, 0)]))

    def _first_stranger(self, chain: Sequence[str]) -> str:
        """From the right, up to an entry that is no address: what stands left of it cannot be ours."""
        known = ""
        for entry in reversed(chain):
            address = parse_address(entry)
            if address is None:
                return known
            known = _text(address)
            if not any(address in network for network in self.networks):
                return known
        return known


def _text(address: Address | None) -> str:
    return "" if address is None else str(address)
