"""What a key may do: paths and methods, networks, how often."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import Reason, Rejected
from keystore.networks import network_allowed, normal_networks
from keystore.rate import RateLimit, take
from keystore.refusal import Refusal
from keystore.scopes import check_scopes, parse_scope, scope_refusal


@pytest.mark.parametrize(
    ("pattern", "opened", "closed"),
    [
        ("/v1/items", ["/v1/items", "/v1/items/"], ["/v1/items/1", "/v1/item", "/V1/items", "/v1/items1"]),
        ("/v1/items/*", ["/v1/items/1", "/v1/items/1/"], ["/v1/items/", "/v1/items", "/v1/items/1/2"]),
        ("/v1/**", ["/v1/", "/v1/a", "/v1/a/b/c", "/v1/.well-known/x"], ["/v1", "/v2/a", "/"]),
        ("/v1/**/tags", ["/v1/tags", "/v1/a/b/tags"], ["/v1/a/b/tags2", "/v1/a/b"]),
        ("/v1/item[s1]/?", ["/v1/items/1", "/v1/item1/x"], ["/v1/itemx/1", "/v1/items/12"]),
        ("/**", ["/", "/a", "/a/b"], []),
        ("/v1/a|/admin", ["/v1/a|/admin"], ["/admin", "/v1/a"]),
    ],
)
def test_a_pattern_opens_its_paths_and_no_other(pattern: str, opened: list[str], closed: list[str]) -> None:
    scopes = (f"GET:{pattern}",)
    assert [path for path in opened if scope_refusal(scopes, "GET", path)] == []
    refusals = {scope_refusal(scopes, "GET", path) for path in closed}
    assert refusals <= {Refusal.ENDPOINT_NOT_ALLOWED}


@pytest.mark.parametrize(
    "path",
    [
        "",
        "v1/items",
        "/v1/items/../users",
        "/v1/items/..",
        "/v1/./items",
        "/v1/items/..;/users",
        "/v1//items",
        "/v1/items\\..\\users",
        "/v1/items/%2e%2e/users",
        "/v1/items%2Fusers",
        "/v1/items%5cusers",
        "/v1/items%00",
        "/v1/items\n",
        "/v1/items\x7f",
        "/v1/" + "a" * 2045,
        "/a" * 65,
        "*",
        "https://api.example/v1/items",
    ],
)
def test_a_path_that_servers_read_in_two_ways_is_closed_to_every_key(path: str) -> None:
    assert scope_refusal(("*:/**",), "GET", path) is Refusal.ENDPOINT_NOT_ALLOWED


def test_scopes_add_up_and_methods_are_those_named() -> None:
    scopes = ("GET,HEAD:/v1/items/**", "POST:/v1/items/bulk", "*:/v1/me")
    assert scope_refusal(scopes, "GET", "/v1/items/bulk") is None
    assert scope_refusal(scopes, "POST", "/v1/items/bulk") is None
    assert scope_refusal(scopes, "DELETE", "/v1/me") is None
    assert scope_refusal(scopes, "DELETE", "/v1/items/1") is Refusal.METHOD_NOT_ALLOWED
    assert scope_refusal(scopes, "get", "/v1/items/1") is Refusal.METHOD_NOT_ALLOWED
    assert scope_refusal((), "GET", "/v1/items/1") is Refusal.ENDPOINT_NOT_ALLOWED
    assert scope_refusal(("read", "GET:/v1/me"), "GET", "/v1/me") is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "read",
        "GET",
        "GET:",
        "GET:v1/items",
        ":/v1",
        "get:/v1",
        "GET,:/v1",
        "GET, HEAD:/v1",
        "GET:/v1/{id}",
        "GET:/**/a/**/b/**",
        "GET:!/v1",
        "GET:/v1 /x",
        "GET:/" + "a" * 500,
    ],
)
def test_what_is_no_scope_is_rejected(text: str) -> None:
    with pytest.raises(Rejected) as caught:
        parse_scope(text)
    assert caught.value.reason is Reason.WRONG_TYPE
    with pytest.raises(Rejected):
        check_scopes(["GET:/v1/items"] * 101)


@pytest.mark.parametrize(
    ("text", "wildcard"),
    [("*:/**", True), ("GET:/*", True), ("GET:/**/*", True), ("GET:/v1/**", False), ("*:/v1", False)],
)
def test_a_scope_that_opens_everything_says_so(text: str, wildcard: bool) -> None:
    assert parse_scope(text).wildcard is wildcard


def test_networks_are_kept_in_one_form() -> None:
    assert normal_networks(["198.18.3.7", "::ffff:198.18.0.0/112", "2001:DB8:0::/32"]) == (
        "198.18.3.7/32",
        "198.18.0.0/16",
        "2001:db8::/32",
    )
    for bad in ("198.18.0.1/16", "198.18.0.0/33", "any", "", "198.18.0"):
        with pytest.raises(Rejected, match="network"):
            normal_networks([bad])
    with pytest.raises(Rejected):
        normal_networks(["198.18.0.0/16"] * 101)


@pytest.mark.parametrize("ip", ["198.18.0.0", "::ffff:198.18.255.255", "2001:db8:ffff::1"])
def test_an_address_in_a_network_is_allowed(ip: str) -> None:
    assert network_allowed(("198.18.0.0/16", "2001:db8::/32"), ip)


@pytest.mark.parametrize("ip", ["198.19.0.0", "::198.18.0.1", "64:ff9b::c612:1", "", "x", "198.18.0.1:443"])
def test_any_other_text_is_not(ip: str) -> None:
    assert not network_allowed(("198.18.0.0/16", "2001:db8::/32"), ip)


@pytest.mark.parametrize(
    "text", ["", "100", "0/m", "100/w", "-1/m", "100/m+0", "10001/s", "1.5/s", "9999999999/d"]
)
def test_what_is_no_rate_is_rejected(text: str) -> None:
    with pytest.raises(Rejected):
        RateLimit.parse(text)


@pytest.mark.parametrize("text", ["100/60s", "5000/3600s", "10/30s", "100/60s+20"])
def test_a_rate_reads_back(text: str) -> None:
    assert str(RateLimit.parse(text)) == text


@given(
    limit=st.builds(RateLimit, st.integers(1, 50), st.integers(1, 60), st.integers(1, 20)),
    gaps_ms=st.lists(st.integers(0, 3000), max_size=60),
)
def test_in_no_span_of_time_are_more_let_through_than_the_burst_and_the_rate(
    limit: RateLimit, gaps_ms: list[int]
) -> None:
    now_us, tat, accepted = 1_767_225_600_000_000, 0.0, []
    for gap in gaps_ms:
        now_us += gap * 1000
        tat, status = take(limit, tat, now_us)
        if status.retry_after_s == 0:
            accepted.append(now_us)
        else:
            assert status.remaining == 0
            assert take(limit, tat, now_us + round(status.retry_after_s * 1e6) + 1)[1].retry_after_s == 0
    for first in range(len(accepted)):
        for last in range(first, len(accepted)):
            span_us = accepted[last] - accepted[first]
            most = limit.burst + span_us / limit.interval_us * 1.0001 + 1e-6
            assert last - first + 1 <= most
