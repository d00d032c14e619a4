"""OpenID Connect against a provider on this machine: tokens of programs, logins of people, and forgeries."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator
from dataclasses import replace
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from console.access.oidc import Provider
from console.access.person import AccessRole
from console.settings import OidcSettings
from domain.errors import Fatal
from domain.secret import Secret
from monitor.connect import connect_redis
from tests.alerts import NOW_MS
from tests.console.house import House, different
from tests.console.issuer import AUDIENCE, CLIENT, RSA_KEY, Issuer, issuer
from tests.redis_dump import everything

pytestmark = pytest.mark.redis
ME = "/api/v1/me"
NOW = NOW_MS // 1000


@pytest.fixture
def provider() -> Iterator[Issuer]:
    with issuer() as running:
        yield running


@pytest.fixture
def house(redis_url: str, provider: Issuer) -> Iterator[House]:
    client = connect_redis(redis_url)
    made = House(client, different(oidc=settings_of(provider), failures=1000))
    yield made
    assert made.access.provider is not None
    made.access.provider.http.close()
    client.close()


def settings_of(provider: Issuer) -> OidcSettings:
    return OidcSettings(
        issuer=provider.url,
        client_id=CLIENT[0],
        client_secret=Secret(CLIENT[1]),
        audience=AUDIENCE,
        roles={"oncall": AccessRole.RESPONDER, "heads": AccessRole.ADMIN, "all": AccessRole.VIEWER},
    )


def sent(house: House, token: str) -> httpx.Response:
    return house.visitor().get(ME, headers={"Authorization": f"Bearer {token}"})


def test_a_program_comes_in_with_the_providers_token(house: House, provider: Issuer) -> None:
    assert sent(house, provider.token()).json() == {
        "name": "console:mary@shop.example",
        "role": "responder",
        "via": "oidc",
        "csrf": "",
    }
    assert sent(house, provider.token(groups=["all", "heads", "else"])).json()["role"] == "admin"
    assert sent(house, provider.token(groups="all", aud=["x", AUDIENCE])).json()["role"] == "viewer"
    assert provider.fetched == 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"aud": CLIENT[0]},
        {"aud": []},
        {"aud": None},
        {"iss": "https://evil.example"},
        {"iss": None},
        {"exp": NOW - 31},
        {"exp": None},
        {"exp": str(NOW + 300)},
        {"exp": True},
        {"nbf": NOW + 31},
        {"iat": NOW + 31},
        {"sub": None},
        {"email": None},
        {"email": "mary\n@shop.example"},
        {"email_verified": False},
        {"email_verified": None},
        {"groups": []},
        {"groups": None},
        {"groups": [["oncall"]]},
    ],
)
def test_a_token_that_is_wrong_in_one_thing(house: House, provider: Issuer, wrong: dict[str, object]) -> None:
    answer = sent(house, provider.token(**wrong))
    assert answer.status_code == 401
    assert house.office.audited()[-1].what == "token refused"


def test_a_token_expires_while_it_is_used(house: House, provider: Issuer) -> None:
    token = provider.token()
    assert sent(house, token).status_code == 200
    house.clock.advance(331)
    assert sent(house, token).status_code == 401


def test_algorithms_are_not_confused(house: House, provider: Issuer) -> None:
    claims = json.loads(base64.urlsafe_b64decode(provider.token().split(".")[1] + "=="))
    public = RSA_KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

    def forged(header: dict[str, object], signature: bytes = b"") -> str:
        parts = [json.dumps(header).encode(), json.dumps(claims).encode(), signature]
        return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)

    unsigned = forged({"alg": "HS256", "kid": "r1"}).rpartition(".")[0]
    mac = hmac.new(public, unsigned.encode(), hashlib.sha256).digest()
    for token in (
        forged({"alg": "HS256", "kid": "r1"}, mac),
        forged({"alg": "none", "kid": "r1"}),
        forged({"alg": "None", "kid": "r1"}),
        forged({"alg": "ES256", "kid": "r1"}, b"\0" * 64),
        forged({"kid": "r1"}, b"x"),
        forged({"alg": ["RS256"], "kid": "r1"}, b"x"),
        jwt.encode(claims, RSA_KEY, "RS256"),
        jwt.encode(claims, RSA_KEY, "RS256", {"kid": "r9"}),
        jwt.encode(claims, RSA_KEY, "PS256", {"kid": "r1"}),
        provider.token()[:-8] + "AAAAAAAA",
        "a.b.c",
    ):
        assert sent(house, token).status_code == 401, token
    assert sent(house, provider.token()).status_code == 200


def test_keys_are_rotated_and_old_ones_forgotten(house: House, provider: Issuer) -> None:
    old = provider.token()
    assert sent(house, old).status_code == 200
    provider.rotate()
    assert sent(house, provider.token()).status_code == 401, "asked a moment ago"
    house.clock.advance(11)
    assert sent(house, provider.token()).status_code == 200
    assert sent(house, old).status_code == 401
    before = provider.fetched
    for number in range(20):
        token = jwt.encode({"n": number}, RSA_KEY, "RS256", {"kid": f"none{number}"})
        assert sent(house, token).status_code == 401
    assert provider.fetched == before, "strangers cannot make us ask the provider again and again"


def test_while_the_provider_is_down_static_tokens_still_work(house: House, provider: Issuer) -> None:
    provider.down = True
    answer = sent(house, provider.token())
    assert answer.status_code == 503
    assert house.program(AccessRole.VIEWER).get(ME).status_code == 200


# -- people -----------------------------------------------------------------------------------------


def begun(house: House, to: str = "/cases") -> tuple[httpx.Client, str]:
    """A browser on its way to the provider."""
    browser = house.visitor()
    answer = browser.get("/login/oidc", params={"next": to})
    assert answer.status_code == 303
    return browser, answer.headers["location"]


def test_a_person_logs_in_at_the_provider(house: House, provider: Issuer) -> None:
    browser, address = begun(house)
    back = provider.authorised(urlsplit(address).query)
    assert back.startswith("https://keywatch.example/login/oidc/callback?")
    landed = browser.get(back)
    assert landed.headers["location"] == "/cases"
    assert browser.get(ME).json()["name"] == "console:mary@shop.example"
    assert [cookie.name for cookie in browser.cookies.jar] == ["__Host-keywatch"]
    dump = everything(house.client)
    assert all(str(cookie.value).encode() not in dump for cookie in browser.cookies.jar)
    assert house.office.audited()[-1].what == "login"


def test_what_was_not_begun_in_this_browser_ends_nowhere(house: House, provider: Issuer) -> None:
    _, address = begun(house)
    back = provider.authorised(urlsplit(address).query)
    stranger = house.visitor()
    assert stranger.get(back).headers["location"] == "/login?failed=1"
    other, _ = begun(house)
    assert other.get(back).headers["location"] == "/login?failed=1"
    assert stranger.get(ME).status_code == other.get(ME).status_code == 401
    assert house.office.audited()[-1].why == "this login was not begun in this browser"


@pytest.mark.parametrize(
    "wrong", [{"iss": "https://evil.example"}, {"code": "guessed"}, {"code": ""}, {"error": "access_denied"}]
)
def test_an_answer_that_is_wrong(house: House, provider: Issuer, wrong: dict[str, str]) -> None:
    browser, address = begun(house)
    back = urlsplit(provider.authorised(urlsplit(address).query))
    query = urlencode({**dict(parse_qsl(back.query)), **wrong})
    answer = browser.get(f"https://keywatch.example{back.path}?{query}")
    assert answer.headers["location"] == "/login?failed=1"
    assert browser.get(ME).status_code == 401


@pytest.mark.parametrize(
    "wrong", [{"nonce": "other"}, {"nonce": None}, {"aud": "somebody"}, {"azp": "somebody"}, {"groups": []}]
)
def test_an_id_token_that_is_not_for_this_login(
    house: House, provider: Issuer, wrong: dict[str, object]
) -> None:
    browser, address = begun(house)
    back = provider.authorised(urlsplit(address).query)
    provider.claims |= wrong
    assert browser.get(back).headers["location"] == "/login?failed=1"
    assert browser.get(ME).status_code == 401


def test_a_login_that_took_too_long(house: House, provider: Issuer) -> None:
    browser, address = begun(house)
    house.clock.advance(601)
    assert browser.get(provider.authorised(urlsplit(address).query)).headers["location"] == "/login?failed=1"


def test_an_issuer_without_tls_is_refused(house: House, provider: Issuer) -> None:
    with pytest.raises(Fatal, match="must begin with https"):
        Provider(replace(settings_of(provider), issuer="http://login.example"), house.clock)
