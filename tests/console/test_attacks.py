"""What somebody would try who wants in, or more than their role gives."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from console.access.oidc import Provider
from console.access.person import AccessRole, Person
from console.settings import OidcSettings
from domain.errors import Refused
from domain.secret import Secret
from monitor.connect import connect_redis
from tests.console.house import House
from tests.console.scene import STOLEN, Scene
from tests.console.test_pages import browser, csrf_of

pytestmark = pytest.mark.redis
VIEWER, RESPONDER, ADMIN = AccessRole
V1 = "/api/v1"
ISSUER = "https://login.example"
METADATA = {
    "issuer": ISSUER,
    "authorization_endpoint": f"{ISSUER}/authorize",
    "token_endpoint": f"{ISSUER}/token",
    "jwks_uri": f"{ISSUER}/keys",
}


@pytest.fixture
def scene(redis_url: str, tmp_path: Path) -> Iterator[Scene]:
    client = connect_redis(redis_url)
    yield Scene(client, tmp_path, others=0)
    client.close()


@pytest.mark.parametrize("name", ["token", "access_token", "api_key", "key", "authorization"])
def test_a_token_in_an_address_opens_nothing(house: House, name: str) -> None:
    asked = {name: house.token[ADMIN]}
    assert house.visitor().get(f"{V1}/me", params=asked).status_code == 401
    assert (
        house.visitor()
        .post("/login", params=asked, headers={"Origin": "https://keywatch.example"})
        .headers["location"]
        .startswith("/login?failed=1")
    )


def test_a_kept_answer_is_for_the_same_person_by_the_same_door(house: House) -> None:
    asked, body = {"Idempotency-Key": "one"}, {"policy": "version: 1\nrules: []\n"}
    first = house.program(VIEWER).post(f"{V1}/policy/checks", json=body, headers=asked)
    assert first.status_code == 200
    again = house.program(VIEWER).post(f"{V1}/policy/checks", json=body, headers=asked)
    assert again.headers["idempotency-replayed"] == "true"
    for role in (RESPONDER, ADMIN):
        other = house.program(role).post(f"{V1}/policy/checks", json=body, headers=asked)
        assert "idempotency-replayed" not in other.headers
    elsewhere = {**asked, "Host": "keywatch.example/api/v1/policy/checks?"}
    moved = house.program(VIEWER).post(f"{V1}/policy/comparisons", json=body, headers=elsewhere)
    assert "idempotency-replayed" not in moved.headers
    assert set(moved.json()) == {"looked_at", "changes"}


def test_one_name_by_two_doors_is_two_people(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    asked, body = {"Idempotency-Key": "one"}, {"policy": "version: 1\nrules: []\n"}
    program = house.program(VIEWER)
    assert program.post(f"{V1}/policy/checks", json=body, headers=asked).status_code == 200
    same_name = Person("console:viewer@shop.example", VIEWER, "oidc")
    monkeypatch.setattr(type(house.access), "_holder", lambda _self, _token: same_name)
    answer = program.post(f"{V1}/policy/checks", json=body, headers=asked)
    assert answer.status_code == 200
    assert "idempotency-replayed" not in answer.headers


def test_a_refusal_is_audited_with_the_true_path(house: House) -> None:
    forged = {"Host": "keywatch.example/harmless?"}
    assert house.program(VIEWER).get(f"{V1}/audit/export", headers=forged).status_code == 403
    assert "/api/v1/audit/export" in house.office.audited()[-1].why
    assert "harmless" not in house.office.audited()[-1].why


def test_no_cache_keeps_a_page_or_an_answer(scene: Scene) -> None:
    admin = browser(scene, ADMIN)
    case = scene.case_of(STOLEN)
    pages = ["/", "/overview/live", "/cases", f"/cases/{case.id}", "/incidents", "/keys", f"/key?id={STOLEN}"]
    pages += [
        "/findings",
        "/silences",
        "/policy",
        "/detectors",
        "/audit",
        "/search?q=x",
        "/login",
        "/nowhere",
    ]
    pages += [f"{V1}/cases", f"{V1}/audit/export", f"{V1}/me", "/policy/backtests"]
    for path in pages:
        assert admin.get(path).headers["cache-control"] == "no-store", path


@pytest.mark.parametrize("referer", ["http://127.0.0.1//evil.example/x", "http://evil.example/x"])
def test_a_refused_form_leads_back_to_us_only(scene: Scene, referer: str) -> None:
    responder = browser(scene, RESPONDER)
    answer = responder.post("/silences", data={"csrf": "0"}, headers={"Referer": referer})
    assert answer.status_code == 403
    assert "evil" not in answer.text


def test_a_policy_that_is_too_long_is_not_read(scene: Scene) -> None:
    responder = browser(scene, RESPONDER)
    form = {"csrf": csrf_of(responder.get("/policy")), "text": "#" * 65_537}
    answer = responder.post("/policy/try", data=form, headers={"Origin": "http://127.0.0.1"})
    assert answer.status_code == 413


@pytest.mark.parametrize(
    "changed",
    [
        {"jwks_uri": "http://169.254.169.254/latest/meta-data"},
        {"jwks_uri": "http://127.0.0.1:8080/keys"},
        {"token_endpoint": "http://login.example/token"},
        {"token_endpoint": "file:///etc/passwd"},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"authorization_endpoint": "https://["},
        {"issuer": "https://evil.example"},
        {"jwks_uri": 7},
    ],
)
def test_a_provider_sends_us_nowhere_else(house: House, changed: dict[str, Any]) -> None:
    settings = OidcSettings(
        issuer=ISSUER, client_id="keywatch", client_secret=Secret("s"), audience="", roles={"all": VIEWER}
    )
    provider = Provider(settings, house.clock)
    asked = list[str]()

    def answered(request: httpx.Request) -> httpx.Response:
        asked.append(str(request.url))
        return httpx.Response(200, json={**METADATA, **changed})

    provider.http = httpx.Client(transport=httpx.MockTransport(answered))
    with pytest.raises(Refused):
        provider.key("r1")
    assert asked == [f"{ISSUER}/.well-known/openid-configuration"]


def test_keys_that_are_none_are_passed_over(house: House) -> None:
    settings = OidcSettings(
        issuer=ISSUER, client_id="keywatch", client_secret=Secret("s"), audience="", roles={"all": VIEWER}
    )
    provider = Provider(settings, house.clock)
    odd: dict[str, Any] = {"keys": [7, None, {"kty": "oct", "kid": "r1", "k": "c2VjcmV0"}]}
    provider.http = httpx.Client(
        transport=httpx.MockTransport(lambda _request: httpx.Response(200, json={**METADATA, **odd}))
    )
    with pytest.raises(Refused, match="does not publish"):
        provider.key("r1")
