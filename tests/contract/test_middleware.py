"""One suite for every kind of middleware: who is let in, what the others are answered, what is told."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from domain.clock import ManualClock
from domain.errors import Fatal, Reason, Transient
from domain.leak import hashed_id
from domain.secret import Secret
from keystore.hashing import Peppers
from keystore.issuing import KeySpec
from keystore.memory_store import MemoryKeyStore
from keystore.middleware.gate import Gate, Keys
from keystore.middleware.proxies import TrustedProxies
from keystore.middleware.settings import GateSettings
from keystore.rate import RateLimit
from keystore.request import Request
from keystore.results import Issued, NotAccepted, Verified
from keystore.rules import StoreRules
from tests.doors import BODY, PEER, Call, Told, by_asgi, by_fastapi, by_wsgi

NOW = 1_767_225_600.0
UNKNOWN = "sk_live_0000000000000000000000000000000000000000000"
KINDS: dict[str, Callable[[Gate], Call]] = {"asgi": by_asgi, "wsgi": by_wsgi, "fastapi": by_fastapi}


class Bench:
    """A store, a gate before it, and what the gate told."""

    def __init__(self, door: Callable[[Gate], Call]) -> None:
        self.clock = ManualClock(NOW)
        self.store = MemoryKeyStore(self.clock, Peppers.generate())
        self.told = Told()
        self._door = door
        self.call = self.opened()

    def opened(self, keys: Keys | None = None, **settings: Any) -> Call:
        self.gate = Gate(keys or self.store, self.told, self.clock, GateSettings(**settings), self.told.tell)
        return self._door(self.gate)

    def issue(self, **spec: Any) -> Issued:
        spec = {"scopes": ("GET,POST:/v1/**",)} | spec
        return self.store.issue_many([KeySpec("acme", "ops@acme.example", **spec)])[0]


@pytest.fixture(params=KINDS.values(), ids=list(KINDS))
def bench(request: pytest.FixtureRequest) -> Bench:
    return Bench(request.param)


def bearer(key: Issued | str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key if isinstance(key, str) else key.secret.reveal()}"}


def refusal(answer: Any) -> tuple[int, str]:
    """Status and reason, after the form of the answer was checked."""
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["cache-control"] == "no-store"
    problem = answer.json()
    assert problem["status"] == answer.status_code
    assert problem["title"]
    assert problem["detail"]
    return answer.status_code, problem["reason"]


# -- let in ------------------------------------------------------------------------------------------


def test_a_good_key_reaches_the_application_and_its_use_is_told(bench: Bench) -> None:
    key = bench.issue()
    answer = bench.call(
        "POST", "/v1/items/7?page=2", headers=bearer(key) | {"User-Agent": "cli/1"}, content=b"abc"
    )
    assert (answer.status_code, answer.content, answer.headers["x-key-id"]) == (201, BODY, key.key_id)
    (event,) = bench.told.events
    assert (event.key_id, event.tenant, event.ip, event.method) == (key.key_id, "acme", PEER, "POST")
    assert (event.endpoint, event.status, event.user_agent) == ("/v1/items/7", 201, "cli/1")
    assert (event.bytes_in, event.bytes_out, event.ts) == (3, len(BODY), NOW * 1000)
    assert bench.gate.counts() == {"admitted": 1}


def test_an_application_that_breaks_is_told_as_500(bench: Bench) -> None:
    with pytest.raises(ZeroDivisionError):
        bench.call("GET", "/v1/broken", headers=bearer(bench.issue()))
    assert [event.status for event in bench.told.events] == [500]


def test_the_scheme_s_letters_do_not_matter(bench: Bench) -> None:
    key = bench.issue()
    answer = bench.call("GET", "/v1/x", headers={"Authorization": f"bearer   {key.secret.reveal()} "})
    assert answer.status_code == 201


def test_another_header_may_carry_the_key_when_it_is_configured(bench: Bench) -> None:
    headers = {"X-API-Key": bench.issue().secret.reveal()}
    assert refusal(bench.call("GET", "/v1/x", headers=headers)) == (401, "missing_key")
    assert bench.opened(key_header="X-API-Key")("GET", "/v1/x", headers=headers).status_code == 201


def test_what_is_left_of_the_rate_limit_is_in_the_answer(bench: Bench) -> None:
    key = bench.issue(rate=RateLimit.parse("2/m"))
    answer = bench.call("GET", "/v1/x", headers=bearer(key))
    assert answer.headers["ratelimit-policy"] == '"key";q=2'
    assert answer.headers["ratelimit"] == '"key";r=1;t=30'


def test_a_public_path_needs_no_key_and_is_exact(bench: Bench) -> None:
    call = bench.opened(public_paths=frozenset({"/health"}))
    answer = call("GET", "/health")
    assert (answer.status_code, answer.headers["x-key-id"]) == (201, "nobody")
    assert call("GET", "/health/x").status_code == 401
    assert bench.told.events == []


# -- refused -----------------------------------------------------------------------------------------


def test_no_key_and_no_key_of_ours(bench: Bench) -> None:
    call = bench.call
    for headers in ({}, {"Authorization": "Basic YTpi"}):
        answer = call("GET", "/v1/x", headers=headers)
        assert refusal(answer) == (401, "missing_key")
        assert answer.headers["www-authenticate"] == 'Bearer realm="api"'
    for text in ("x", "sk_live_x", UNKNOWN):
        answer = call("GET", "/v1/x", headers=bearer(text))
        assert refusal(answer) == (401, "malformed")
        assert answer.headers["www-authenticate"] == 'Bearer realm="api", error="invalid_token"'
    assert refusal(call("GET", "/v1/x", headers={"Authorization": "Bearer "})) == (401, "malformed")
    stranger = Bench(by_asgi).issue()
    assert refusal(call("GET", "/v1/x", headers=bearer(stranger))) == (401, "unknown_key")
    assert bench.told.events == []  # nobody's: there is no key to tell of


def test_more_than_one_key_is_refused(bench: Bench) -> None:
    key = bench.issue().secret.reveal()
    both = {"Authorization": f"Bearer {key}", "X-API-Key": key}
    assert refusal(bench.opened(key_header="x-api-key")("GET", "/v1/x", headers=both)) == (
        400,
        "several_keys",
    )


@pytest.mark.parametrize(
    ("spoil", "expected"),
    [
        (lambda b, k: b.store.suspend(k, case_id="c", reason="spike", expires_ms=None), (403, "suspended")),
        (lambda b, k: b.store.revoke(k, "ada", "leaked"), (401, "revoked")),
        (lambda b, _: b.clock.advance(366 * 86_400), (401, "expired")),
    ],
)
def test_a_key_that_may_not_be_used_is_told_with_its_use(
    bench: Bench, spoil: Callable[[Bench, str], object], expected: tuple[int, str]
) -> None:
    key = bench.issue()
    spoil(bench, key.key_id)
    answer = bench.call("GET", "/v1/x", headers=bearer(key))
    assert refusal(answer) == expected
    assert "ada" not in answer.text  # why, and by whom, is for the platform
    assert "spike" not in answer.text
    (event,) = bench.told.events
    assert (event.key_id, event.status, event.bytes_out) == (key.key_id, expected[0], len(answer.content))


@pytest.mark.parametrize(
    ("spec", "method", "path", "expected"),
    [
        ({}, "GET", "/v2/x", "endpoint_not_allowed"),
        ({}, "GET", "/v1/../v2", "endpoint_not_allowed"),
        ({"scopes": ("GET:/v1/**",)}, "POST", "/v1/x", "method_not_allowed"),
        ({"networks": ("192.0.2.0/24",)}, "GET", "/v1/x", "ip_not_allowed"),
        ({"prefix": "sk_test"}, "GET", "/v1/x", "wrong_environment"),
    ],
)
def test_a_request_beyond_the_key_s_scope_is_forbidden(
    bench: Bench, spec: dict[str, Any], method: str, path: str, expected: str
) -> None:
    key = bench.issue(**spec)
    answer = bench.opened(environment="live")(method, path, headers=bearer(key))
    assert refusal(answer) == (403, expected)
    challenge = answer.headers.get("www-authenticate", "")
    assert ("insufficient_scope" in challenge) == expected.startswith(("endpoint", "method"))
    assert [event.status for event in bench.told.events] == [403]


def test_over_the_limit_says_when_to_come_back(bench: Bench) -> None:
    key = bench.issue(rate=RateLimit.parse("1/m"))
    bench.call("GET", "/v1/x", headers=bearer(key))
    bench.clock.advance(20)
    answer = bench.call("GET", "/v1/x", headers=bearer(key))
    assert refusal(answer) == (429, "rate_limited")
    assert (answer.headers["retry-after"], answer.headers["ratelimit"]) == ("40", '"key";r=0;t=40')
    bench.clock.advance(40)
    assert bench.call("GET", "/v1/x", headers=bearer(key)).status_code == 201
    assert [event.status for event in bench.told.events] == [201, 429, 201]


def test_problem_types_point_to_where_they_are_documented(bench: Bench) -> None:
    assert bench.call("GET", "/v1/x").json()["type"] == "about:blank"
    call = bench.opened(problem_types="https://api.example/problems/", realm='a "b"')
    answer = call("GET", "/v1/x")
    assert answer.json()["type"] == "https://api.example/problems/missing_key"
    assert answer.headers["www-authenticate"] == r'Bearer realm="a \"b\""'


# -- in the query string -----------------------------------------------------------------------------


@pytest.mark.parametrize("query", ["api_key={}", "q=1&token=Bearer%20{}", "{}", "%61={}", "x={}#"])
def test_a_key_in_the_query_is_refused_and_told_as_a_leak(bench: Bench, query: str) -> None:
    key = bench.issue()
    secret = key.secret.reveal()
    for headers in ({}, bearer(key)):
        answer = bench.call("GET", f"/v1/x?{query.format(secret)}", headers=headers)
        assert refusal(answer) == (400, "key_in_query")
        assert "invalid_request" in answer.headers["www-authenticate"]
        leak, use = bench.told.events
        assert (leak.key_id, leak.status, leak.endpoint) == (hashed_id(secret), 400, "/v1/x")
        assert (use.key_id, use.status, use.endpoint) == (key.key_id, 400, "/v1/x")
        assert bench.told.lines == [("key_in_query", {"key_id": key.key_id})]
        assert secret not in bench.told.everything() + answer.text + str(answer.headers)
        bench.told.events.clear()
        bench.told.lines.clear()


def test_a_leaked_secret_that_can_be_guessed_is_not_told_by_its_hash(bench: Bench) -> None:
    bench.store = MemoryKeyStore(bench.clock, Peppers.generate(), rules=StoreRules(imported=True))
    spec = KeySpec("acme", "ops", scopes=("GET:/v1/**",))
    bench.store.import_secret("legacy-7", Secret("correct horse"), spec)
    call = bench.opened()
    assert call("GET", "/v1/x", headers=bearer("correct horse")).status_code == 201
    assert refusal(call("GET", "/v1/x?api_key=correct+horse")) == (400, "key_in_query")
    assert [event.key_id for event in bench.told.events] == ["legacy-7", hashed_id("legacy-7"), "legacy-7"]
    assert hashed_id("correct horse") not in bench.told.everything()


def test_nobody_can_fill_the_topic_with_leaks_of_made_up_keys(bench: Bench) -> None:
    made_up = Bench(by_asgi).issue().secret.reveal()
    assert refusal(bench.call("GET", f"/v1/x?api_key={made_up}")) == (400, "key_in_query")
    assert bench.told.events == []


def test_a_parameter_called_like_a_key_is_refused_unless_a_header_carries_one(bench: Bench) -> None:
    assert refusal(bench.call("GET", "/v1/x?a=1&API_KEY=old-style")) == (400, "key_in_query")
    assert bench.call("GET", "/v1/x?access_token=mine", headers=bearer(bench.issue())).status_code == 201
    assert refusal(bench.call("GET", "/v1/x?key=1&api_key=")) == (401, "missing_key")


def test_a_key_in_path_or_client_name_is_not_told(bench: Bench) -> None:
    key = bench.issue()
    secret = key.secret.reveal()
    bench.call("GET", f"/v1/{secret}", headers=bearer(key) | {"User-Agent": f"curl {secret}"})
    (event,) = bench.told.events
    assert event.endpoint == f"/v1/{hashed_id(secret)}"
    assert secret not in bench.told.everything()


# -- the address, and a store that is away -----------------------------------------------------------


@pytest.mark.parametrize(
    ("proxies", "expected"),
    [
        (TrustedProxies(), PEER),
        (TrustedProxies(hops=1), "192.0.2.7"),
        (TrustedProxies.of(networks=["198.18.0.0/15", "192.0.2.0/24"]), "203.0.113.5"),
    ],
)
def test_forwarded_addresses_are_believed_as_far_as_configured(
    bench: Bench, proxies: TrustedProxies, expected: str
) -> None:
    key = bench.issue(networks=(f"{expected}/32",))
    headers = bearer(key) | {"X-Forwarded-For": "10.0.0.1, 203.0.113.5, 192.0.2.7"}
    assert bench.opened(proxies=proxies)("GET", "/v1/x", headers=headers).status_code == 201
    assert [event.ip for event in bench.told.events] == [expected]


class Away:
    """A store that does not answer, or refuses us."""

    def __init__(self, error: Transient | Fatal) -> None:
        self.error = error

    def verify(self, secret: Secret, request: Request) -> Verified | NotAccepted:
        raise self.error


AWAY = Transient(Reason.UNREACHABLE, "key store: cannot reach Redis")


@pytest.mark.parametrize("fail_open", [False, True])
def test_a_store_that_is_away_closes_the_door_unless_it_is_set_to_open(bench: Bench, fail_open: bool) -> None:
    key = bench.issue()
    call = bench.opened(Away(AWAY), fail_open=fail_open)
    answers = [call("GET", "/v1/x", headers=bearer(key)) for _ in range(2)]
    if fail_open:
        assert [(a.status_code, a.headers["x-key-id"]) for a in answers] == [(201, "nobody")] * 2
    else:
        assert [refusal(a) for a in answers] == [(503, "store_unavailable")] * 2
        assert answers[0].headers["retry-after"] == "5"
    assert bench.gate.counts() == {"unchecked" if fail_open else "store_unavailable": 2}
    (line,) = bench.told.lines  # told once a minute
    assert (line[0], line[1]["let_in"]) == ("keys_not_checked", fail_open)
    assert refusal(call("GET", "/v1/x")) == (401, "missing_key")
    leaked = call("GET", f"/v1/x?api_key={key.secret.reveal()}")
    assert refusal(leaked) == (400, "key_in_query")


def test_a_store_that_refuses_us_is_never_a_reason_to_open(bench: Bench) -> None:
    call = bench.opened(Away(Fatal(Reason.CREDENTIALS, "key store: no")), fail_open=True)
    assert refusal(call("GET", "/v1/x", headers=bearer(bench.issue()))) == (503, "store_unavailable")
