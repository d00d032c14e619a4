"""Where a webhook may be sent: an address is judged by where it leads, and is resolved once."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence

import httpx
import pytest

from domain.errors import Reason, Refused, Transient
from keystore.adapters.address_guard import AddressGuard, unwrapped
from keystore.adapters.pinned import PinnedTransport

FORBIDDEN = [
    # this host and this network
    "127.0.0.1",
    "127.8.8.8",
    "0.0.0.0",
    "::1",
    "::",
    # private
    "10.0.0.1",
    "172.16.5.4",
    "192.168.1.1",
    "100.64.0.1",
    "fc00::1",
    "fd12:3456::1",
    # link-local, and the metadata services of clouds
    "169.254.1.1",
    "169.254.169.254",
    "fe80::1",
    "fd00:ec2::254",
    "100.100.100.200",
    # multicast, broadcast, reserved, documentation
    "224.0.0.1",
    "ff02::1",
    "ff0e::1",
    "255.255.255.255",
    "240.0.0.1",
    "192.0.2.1",
    "2001:db8::1",
    # IPv4 in IPv6: mapped, NAT64, 6to4, Teredo, compatible
    "::ffff:169.254.169.254",
    "::ffff:10.0.0.1",
    "::ffff:127.0.0.1",
    "64:ff9b::169.254.169.254",
    "64:ff9b::a00:1",
    "64:ff9b:1::a9fe:a9fe",
    "2002:a9fe:a9fe::1",
    "2002:7f00:1::",
    "2001:0:4136:e378:8000:63bf:f5ff:fffe",
    "::169.254.169.254",
]
PUBLIC = [
    "1.1.1.1",
    "203.0.114.7",
    "2606:4700:4700::1111",
    "::ffff:1.1.1.1",
    "64:ff9b::1.1.1.1",
    "2002:101:101::1",
]


@pytest.mark.parametrize("address", FORBIDDEN)
def test_an_address_that_leads_inside_is_forbidden(address: str) -> None:
    assert not AddressGuard().allows(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_is_allowed(address: str) -> None:
    assert AddressGuard().allows(ipaddress.ip_address(address))


@pytest.mark.parametrize(
    ("address", "allowed"),
    [("10.1.2.3", True), ("::ffff:10.1.2.3", True), ("10.2.0.1", False), ("169.254.169.254", False)],
)
def test_a_named_network_is_allowed_and_no_other(address: str, allowed: bool) -> None:
    guard = AddressGuard([ipaddress.ip_network("10.1.0.0/16")])
    assert guard.allows(ipaddress.ip_address(address)) is allowed


def test_teredo_hides_its_clients_address() -> None:
    assert str(unwrapped(ipaddress.ip_address("2001:0:4136:e378:8000:63bf:3fff:fdd2"))) == "192.0.2.45"


class Recorder(httpx.BaseTransport):
    """Keeps requests as they would be sent."""

    def __init__(self) -> None:
        self.requests: list[httpx.Request] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        return httpx.Response(200)


class Resolver:
    """Answers in turn, and counts."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[str, int]] = []

    def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked.append((host, port))
        return self.answers.pop(0)


def send(resolver: Resolver, url: str = "https://hooks.example:8443/hook") -> httpx.Request:
    recorder = Recorder()
    with httpx.Client(transport=PinnedTransport(recorder, AddressGuard(), resolver)) as client:
        client.post(url)
    (request,) = recorder.requests
    return request


def test_the_address_that_was_checked_is_the_one_connected_to() -> None:
    """A name server that answers otherwise the second time is not asked a second time."""
    resolver = Resolver(["1.1.1.1"], ["169.254.169.254"])
    request = send(resolver)
    assert resolver.asked == [("hooks.example", 8443)]
    assert (request.url.host, request.url.port) == ("1.1.1.1", 8443)
    assert request.headers["host"] == "hooks.example:8443"
    assert request.extensions["sni_hostname"] == "hooks.example"


def test_each_request_is_checked_anew() -> None:
    """Rebinding between two requests meets the check too."""
    resolver = Resolver(["1.1.1.1"], ["10.0.0.1"])
    send(resolver)
    with pytest.raises(Refused, match=r"hooks\.example is at 10\.0\.0\.1.*allow_networks"):
        send(resolver)


def test_one_forbidden_address_among_several_refuses_the_name() -> None:
    with pytest.raises(Refused) as caught:
        send(Resolver(["1.1.1.1", "127.0.0.1"]))
    assert caught.value.reason is Reason.DENIED


@pytest.mark.parametrize("host", ["[::1]", "[::ffff:127.0.0.1]", "127.0.0.1", "2130706433", "0x7f.1"])
def test_an_address_in_the_url_is_checked_as_any(host: str) -> None:
    from keystore.adapters.pinned import resolve

    recorder = Recorder()
    with (
        httpx.Client(transport=PinnedTransport(recorder, AddressGuard(), resolve)) as client,
        pytest.raises((Refused, Transient)),
    ):
        client.post(f"https://{host}/hook")
    assert recorder.requests == []


def test_a_zone_is_no_way_around() -> None:
    with pytest.raises(Refused):
        send(Resolver(["fe80::1%eth0"]))


def test_a_name_without_an_address_is_tried_again_later() -> None:
    def unknown(host: str, port: int) -> Sequence[str]:
        raise OSError("Name or service not known")

    transport = PinnedTransport(Recorder(), AddressGuard(), unknown)
    with httpx.Client(transport=transport) as client, pytest.raises(Transient) as caught:
        client.post("https://hooks.example/")
    assert caught.value.reason is Reason.UNREACHABLE
    with pytest.raises(Transient):
        send(Resolver([]))
