"""An HTTP transport that resolves a name once, checks what it got, and connects to just that.

Checking a name and then letting the client resolve it again would let a DNS server answer twice
differently (rebinding).
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable, Sequence
from typing import Any

import httpx

from domain.errors import Reason, Refused, Transient
from keystore.adapters.address_guard import Address, AddressGuard

Resolve = Callable[[str, int], Sequence[str]]
"""Addresses of a host, as text; may raise ``OSError``."""


def resolve(host: str, port: int) -> Sequence[str]:
    """By the machine's resolver."""
    found: list[Any] = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(entry[4][0]) for entry in found]


class PinnedTransport(httpx.BaseTransport):
    """Wraps a transport. TLS still checks the certificate against the name, not the address.

    A name with any address that is not allowed is refused as a whole: an honest one has none.
    """

    def __init__(self, inner: httpx.BaseTransport, guard: AddressGuard, resolve: Resolve = resolve) -> None:
        self._inner = inner
        self._guard = guard
        self._resolve = resolve

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Raises ``Refused(DENIED)`` for a forbidden address, ``Transient`` for a name without one."""
        url = request.url
        address = self._address(url.host, url.port or (443 if url.scheme == "https" else 80))
        request.headers["Host"] = url.netloc.decode("ascii")
        request.extensions = {**request.extensions, "sni_hostname": url.host}
        request.url = url.copy_with(host=str(address))
        return self._inner.handle_request(request)

    def close(self) -> None:
        self._inner.close()

    def _address(self, host: str, port: int) -> Address:
        try:
            texts = self._resolve(host, port)
        except OSError as error:
            raise Transient(
                Reason.UNREACHABLE, f"keystore.webhook.url: {host} does not resolve: {error}"
            ) from error
        addresses = [ipaddress.ip_address(text.partition("%")[0]) for text in texts]
        for address in addresses:
            if not self._guard.allows(address):
                raise Refused(
                    Reason.DENIED,
                    f"keystore.webhook.url: {host} is at {address}, which is not public; name its network in "
                    "keystore.webhook.allow_networks if that is meant",
                )
        if not addresses:
            raise Transient(Reason.UNREACHABLE, f"keystore.webhook.url: {host} has no address")
        return addresses[0]
