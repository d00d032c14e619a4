"""What AWS, Azure and Google do otherwise than one would think."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import pytest

from domain.errors import Fatal, Reason, Refused, Transient
from domain.ports import KeyState
from tests.vendors.asserts import refused, sent, suspend
from tests.vendors.azure_apim import AzureApimServer
from tests.vendors.bench import VARIANTS
from tests.vendors.google import NOW_S, GoogleKeysServer
from tests.vendors.server import Reply

DAY_MS = 86_400_000
Open = Callable[[str], Any]


# -- AWS --------------------------------------------------------------------------------------------


def test_iam_always_names_the_user_as_else_aws_would_change_our_own_key(open_bench: Open) -> None:
    iam = open_bench("aws-iam")
    key_id = iam.new_key()
    suspend(iam, key_id)
    iam.store.reinstate(key_id, case_id="case-1")
    changes = [r.body for call, r in iam.vendor.requests if call.write]
    assert [(c["UserName"][:4], c["AccessKeyId"], c["Status"]) for c in changes] == [
        ("ops-", key_id, "Inactive"),
        ("ops-", key_id, "Active"),
    ]


def test_iam_does_not_stop_the_key_that_keywatch_itself_uses(
    open_bench: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    iam = open_bench("aws-iam")
    key_id = iam.new_key()
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", key_id)
    iam.store = iam.open()
    assert refused(lambda: suspend(iam, key_id)) is Reason.PROTECTED_KEY
    assert not iam.stopped(key_id)


@pytest.mark.parametrize("key_id", ["ASIA1234567890123456", "AKIA", "key", "AKIA123456789012345é"])
def test_iam_asks_aws_only_for_ids_of_long_lived_keys(open_bench: Open, key_id: str) -> None:
    iam = open_bench("aws-iam")
    assert refused(lambda: iam.store.describe(key_id)) is Reason.NOT_FOUND
    assert sent(iam) == []


def test_iam_takes_access_denied_for_a_key_of_nobody_here(open_bench: Open) -> None:
    iam = open_bench("aws-iam")
    answer = iam.vendor.answer
    denied = Reply(403, iam.vendor.error(403, "AccessDenied"))
    iam.vendor.answer = lambda call, *rest: (
        denied if call.name == "GetAccessKeyLastUsed" else answer(call, *rest)
    )
    assert refused(lambda: iam.store.describe("AKIA0000000000000000")) is Reason.NOT_FOUND


def test_iam_without_the_right_to_change_keys_is_fatal(open_bench: Open) -> None:
    iam = open_bench("aws-iam")
    key_id, answer = iam.new_key(), iam.vendor.answer
    denied = Reply(403, iam.vendor.error(403, "AccessDenied"))
    iam.vendor.answer = lambda call, *rest: denied if call.write else answer(call, *rest)
    with pytest.raises(Fatal, match=r"AccessDenied to UpdateAccessKey.*keystore\.aws_iam"):
        suspend(iam, key_id)
    assert iam.store.held() == []


def test_api_gateway_sends_text_and_never_asks_for_the_value(open_bench: Open) -> None:
    gateway = open_bench("aws-apigw")
    suspend(gateway, gateway.new_key())
    (change,) = [r.body["patchOperations"] for call, r in gateway.vendor.requests if call.write]
    assert change == [{"op": "replace", "path": "/enabled", "value": "false"}]
    assert {r.query.get("includeValue") for call, r in gateway.vendor.requests if not call.write} == {"false"}


# -- Azure ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("variant", ["azure-apim", "azure-apim, workload identity"])
def test_azure_tokens_are_fetched_once_and_anew_before_they_run_out(open_bench: Open, variant: str) -> None:
    azure = open_bench(variant)
    key_id = azure.new_key()
    for _ in range(3):
        azure.store.describe(key_id)
    azure.clock.advance(3599 - 121)
    azure.store.describe(key_id)
    assert sum(name.startswith("token") for name in sent(azure)) == 1
    azure.clock.advance(2)
    azure.store.describe(key_id)
    assert sum(name.startswith("token") for name in sent(azure)) == 2


def test_azure_managed_identity_asks_the_machine(open_bench: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(VARIANTS, "azure, machine", lambda: AzureApimServer("managed-identity"))
    azure = open_bench("azure, machine")
    assert azure.store.describe(azure.new_key()).state is KeyState.ACTIVE
    assert sent(azure)[0] == "token of the machine"


@pytest.mark.parametrize(
    ("state", "told"),
    [
        ("submitted", KeyState.SUSPENDED),
        ("rejected", KeyState.REVOKED),
        ("cancelled", KeyState.REVOKED),
        ("expired", KeyState.EXPIRED),
        ("newfangled", KeyState.SUSPENDED),
    ],
)
def test_azure_states_that_are_not_ours_are_left_alone(open_bench: Open, state: str, told: KeyState) -> None:
    azure = open_bench("azure-apim")
    key_id = azure.new_key()
    azure.vendor.subscriptions[key_id]["state"] = state
    assert azure.store.describe(key_id).state is told
    assert refused(lambda: suspend(azure, key_id)) in (Reason.NOT_OURS, Reason.ILLEGAL_STATE)
    assert azure.writes() == 0


# -- Google -----------------------------------------------------------------------------------------


def test_google_operations_are_awaited_within_bounds(open_bench: Open) -> None:
    google = open_bench("google, restrict")
    key_id = google.new_key()
    google.vendor.looks = 3
    assert suspend(google, key_id).state is KeyState.SUSPENDED
    assert sent(google).count("operation") == 3
    google.vendor.looks = 99
    waited_s = google.clock.now()
    assert google.store.reinstate(key_id, case_id="case-1").state is KeyState.ACTIVE  # seen by looking
    assert google.clock.now() - waited_s == pytest.approx(3.0)


def test_google_operations_that_never_end_are_told_of(open_bench: Open) -> None:
    google = open_bench("google, restrict")
    server: GoogleKeysServer = google.vendor
    key_id = google.new_key()
    server.looks = 99
    server._carry_out = lambda *_: None  # type: ignore[method-assign]
    with pytest.raises(Transient, match="has not finished") as caught:
        suspend(google, key_id)
    assert caught.value.reason is Reason.TIMEOUT


@pytest.mark.parametrize(
    ("code", "reason"), [(7, Reason.CREDENTIALS), (13, Reason.SERVER_ERROR), (10, Reason.CONFLICT)]
)
def test_google_operations_may_fail_in_the_end(open_bench: Open, code: int, reason: Reason) -> None:
    google = open_bench("google, restrict")
    key_id = google.new_key()
    google.vendor.failure = {"error": {"code": code, "message": "no"}}
    google.vendor._carry_out = lambda *_: None
    assert refused(lambda: suspend(google, key_id)) is reason
    assert not google.stopped(key_id)


def test_google_deletion_ends_in_time_and_is_warned_of(open_bench: Open) -> None:
    google = open_bench("google, delete")
    key_id, now_ms = google.new_key(), NOW_S * 1000
    assert refused(lambda: suspend(google, key_id, ends_ms=now_ms + 31 * DAY_MS)) is Reason.IRREVERSIBLE
    assert suspend(google, key_id, ends_ms=now_ms + 29 * DAY_MS).state is KeyState.SUSPENDED
    google.clock.advance(24.9 * 86_400)
    assert google.store.warnings() == []
    google.clock.advance(0.2 * 86_400)
    (warning,) = google.store.warnings()
    assert f"{key_id!r} can be undone for 4.9 more days" in warning
    google.store.reinstate(key_id, case_id="case-1")
    assert google.store.warnings() == []


def test_google_restrictions_need_no_end(open_bench: Open) -> None:
    google = open_bench("google, restrict")
    assert google.store.capabilities().undo_within_s is None
    assert suspend(google, google.new_key(), ends_ms=4_102_444_800_000).state is KeyState.SUSPENDED


@pytest.mark.parametrize("credential", ["metadata", "service-account"])
def test_google_tokens_come_from_the_machine_or_an_account(
    open_bench: Open, credential: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(VARIANTS, "google, token", lambda: GoogleKeysServer(credential=credential))
    google = open_bench("google, token")
    assert google.store.describe(google.new_key()).state is KeyState.ACTIVE
    assert sent(google)[0] == ("token of the machine" if credential == "metadata" else "token of an account")


# -- Apigee -----------------------------------------------------------------------------------------


def test_apigee_finds_the_key_by_its_fingerprint_and_leaves_the_others(open_bench: Open) -> None:
    apigee = open_bench("apigee, account")
    key_id = apigee.new_key()
    suspend(apigee, key_id)
    (app,) = apigee.vendor.apps.values()
    assert [c["status"] for c in app["credentials"]] == ["approved", "revoked"]


@pytest.mark.parametrize(
    "key_id", ["dev/app", "dev/app/key-s3cret-1", "dev/app/abcdef", "dev/app/" + "0" * 16]
)
def test_apigee_key_ids_are_never_the_key(open_bench: Open, key_id: str) -> None:
    apigee = open_bench("apigee, account")
    apigee.vendor.apps["dev/app"] = {"credentials": [{"consumerKey": "key-s3cret-1"}]}
    with pytest.raises(Refused) as caught:
        apigee.store.describe(key_id)
    assert caught.value.reason is Reason.NOT_FOUND
    assert all("key-s3cret" not in request.path for _, request in apigee.vendor.requests)


def test_apigee_errors_do_not_repeat_the_key(open_bench: Open) -> None:
    """Apigee's own error text does."""
    apigee = open_bench("apigee, account")
    key_id = apigee.new_key()
    answer = apigee.vendor.vendor_answer
    lost = Reply(404, {"error": {"message": "ApiKey key-s3cret-1 not found", "status": "NOT_FOUND"}})
    apigee.vendor.vendor_answer = lambda call, *rest: lost if call.write else answer(call, *rest)
    with pytest.raises(Refused) as caught:
        suspend(apigee, key_id)
    assert "s3cret" not in str(caught.value)


def test_apigee_apps_that_a_person_revoked_are_theirs(open_bench: Open) -> None:
    apigee = open_bench("apigee, account")
    key_id = apigee.new_key()
    (app,) = apigee.vendor.apps.values()
    app["status"] = "revoked"
    assert refused(lambda: suspend(apigee, key_id)) is Reason.NOT_OURS
    full = hashlib.sha256(b"key-s3cret-1").hexdigest()
    assert apigee.store.describe(f"{key_id.rpartition('/')[0]}/{full}").state is KeyState.SUSPENDED
