"""What gateways do otherwise than one would think, each trap with the request that avoids it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from domain.errors import Reason, Refused
from domain.ports import Granularity
from tests.vendors.asserts import refused, sent, suspend
from tests.vendors.kong import KongServer, acl_plugin
from tests.vendors.tyk import policy

DAY_MS = 86_400_000
Open = Callable[[str], Any]


# -- Kong -------------------------------------------------------------------------------------------


def test_kong_stops_all_keys_of_a_consumer_and_says_who_holds_them(open_bench: Open) -> None:
    kong = open_bench("kong, credentials")
    assert kong.store.capabilities().granularity is Granularity.CONSUMER
    first = kong.new_key()
    second = "11111111-2222-3333-4444-555555555555"
    kong.vendor.credentials[second] = kong.vendor.credentials[first]
    suspend(kong, first)
    assert kong.store.describe(second).case_id == "case-1"
    with pytest.raises(Refused, match=r"held by case case-1 \(with all keys of its consumer\)") as caught:
        suspend(kong, second, "case-2")
    assert caught.value.reason is Reason.CONFLICT
    assert kong.store.held() == [first]


def test_kong_never_gets_a_credential_nor_puts_what_may_be_one_into_a_url(open_bench: Open) -> None:
    kong = open_bench("kong, credentials")
    assert refused(lambda: kong.store.describe("the-key-itself")) is Reason.NOT_FOUND
    assert sent(kong) == []
    kong.store.describe(kong.new_key())
    assert set(sent(kong)) == {"consumer of a credential", "group"}


def test_kong_takes_away_only_the_group_entry_it_made(open_bench: Open) -> None:
    kong = open_bench("kong, consumers")
    key_id = kong.new_key()
    suspend(kong, key_id)

    def person_makes_it_theirs() -> None:
        kong.release_as_person(key_id)
        kong.suspend_as_person(key_id)

    kong.during_write(person_makes_it_theirs)
    kong.store.reinstate(key_id, case_id="case-1")
    assert kong.stopped(key_id)
    assert refused(lambda: kong.store.reinstate(key_id, case_id="case-1")) is Reason.NOT_OURS


def test_kong_warns_when_no_plugin_would_stop_anybody(open_bench: Open) -> None:
    kong = open_bench("kong, consumers")
    server: KongServer = kong.vendor
    assert kong.store.warnings() == []
    server.plugins = [{"name": "key-auth", "config": {}}, acl_plugin(allow=["gold"])]
    server.plugins.append({**acl_plugin(deny=["keywatch-suspended"]), "enabled": False})
    nobody, allowing = kong.store.warnings()
    assert "suspending stops nothing" in nobody
    assert "1 acl plugin(s) use `allow`" in allowing


# -- Tyk --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("variant", ["tyk, policies", "tyk, one policy"])
def test_tyk_keys_bound_to_policies_get_an_inactive_one(open_bench: Open, variant: str) -> None:
    tyk = open_bench(variant)
    key_id = tyk.new_key()
    suspend(tyk, key_id)
    assert tyk.vendor.sessions[key_id]["apply_policies"][-1] == "keywatch-suspended"
    assert tyk.stopped(key_id)


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        policy("keywatch-suspended", inactive=False, acl=True),
        policy("keywatch-suspended", inactive=True),
        policy("keywatch-suspended", inactive=True, acl=True, rate_limit=True),
        {**policy("keywatch-suspended", inactive=True, acl=True), "access_rights": {"api": {}}},
    ],
)
def test_tyk_does_not_use_a_policy_that_would_not_stop_the_key_or_do_more(
    open_bench: Open, wrong: dict[str, Any]
) -> None:
    tyk = open_bench("tyk, policies")
    key_id = tyk.new_key()
    del tyk.vendor.policies["keywatch-suspended"]
    if wrong:
        tyk.vendor.policies["keywatch-suspended"] = wrong
    with pytest.raises(Refused, match=r"keystore\.tyk\.policy"):
        suspend(tyk, key_id)
    assert tyk.writes() == 0
    assert "keystore.tyk.policy" in tyk.store.warnings()[0]
    assert tyk.store.held() == []


def test_tyk_per_api_policies_need_a_policy_of_their_kind(open_bench: Open) -> None:
    tyk = open_bench("tyk, policies")
    key_id = tyk.new_key()
    tyk.vendor.policies["gold"] = policy("gold", inactive=False, per_api=True)
    with pytest.raises(Refused, match=r"keystore\.tyk\.per_api_policy is not set"):
        suspend(tyk, key_id)
    assert tyk.store.warnings() == []
    assert open_bench("tyk, per-API policies").store.warnings() == []


def test_tyk_keeps_what_people_changed_while_the_key_was_stopped(open_bench: Open) -> None:
    tyk = open_bench("tyk, policies")
    key_id = tyk.new_key()
    suspend(tyk, key_id)
    session = tyk.vendor.sessions[key_id]
    session["apply_policies"] = ["silver", "keywatch-suspended"]
    session["rate"] = 5
    tyk.store.reinstate(key_id, case_id="case-1")
    assert (tyk.vendor.sessions[key_id]["apply_policies"], tyk.vendor.sessions[key_id]["rate"]) == (
        ["silver"],
        5,
    )


def test_tyk_remembers_policies_and_no_part_of_the_session(open_bench: Open) -> None:
    tyk = open_bench("tyk, policies")
    suspend(tyk, tyk.new_key())
    (unit,) = tyk.priors.held()
    assert tyk.priors.get(unit).prior == '["gold", "silver"]'


# -- Gravitee ---------------------------------------------------------------------------------------


def test_gravitee_keys_with_an_end_of_their_own_are_not_revoked(open_bench: Open) -> None:
    gravitee = open_bench("gravitee, API keys")
    key_id = gravitee.new_key()
    gravitee.vendor._key(key_id)["expireAt"] = "2098-01-01T00:00:00Z"
    with pytest.raises(Refused, match="would lose") as caught:
        suspend(gravitee, key_id)
    assert caught.value.reason is Reason.IRREVERSIBLE
    assert gravitee.store.held() == []


@pytest.mark.parametrize(
    ("variant", "key_id"),
    [("gravitee, subscriptions", "sub"), ("gravitee, subscriptions", "a/b/c"), ("gravitee, API keys", "a/b")],
)
def test_gravitee_key_ids_have_a_shape(open_bench: Open, variant: str, key_id: str) -> None:
    gravitee = open_bench(variant)
    assert refused(lambda: gravitee.store.describe(key_id)) is Reason.NOT_FOUND
    assert sent(gravitee) == []


def test_gravitee_granularity_is_what_is_paused(open_bench: Open) -> None:
    assert open_bench("gravitee, subscriptions").store.capabilities().granularity is Granularity.CONSUMER
    assert open_bench("gravitee, API keys").store.capabilities().granularity is Granularity.KEY


# -- Vault ------------------------------------------------------------------------------------------


def test_vault_accessors_without_a_token_are_not_found_though_it_answers_403(open_bench: Open) -> None:
    vault = open_bench("vault")
    vault.vendor.dangling.add("left-over")
    assert refused(lambda: vault.store.describe("left-over")) is Reason.NOT_FOUND
    assert refused(lambda: vault.store.describe("unknown")) is Reason.NOT_FOUND


def test_vault_does_not_revoke_our_own_token(open_bench: Open) -> None:
    vault = open_bench("vault")
    vault.vendor.tokens["our-own-accessor"] = {"accessor": "our-own-accessor"}
    assert refused(lambda: suspend(vault, "our-own-accessor")) is Reason.PROTECTED_KEY
    assert vault.writes() == 0
