"""Who may come in, by which door, and what they must bring."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse, Response
from starlette.applications import Starlette
from starlette.routing import Route

from console.access.access import Access
from console.access.person import AccessRole, Person
from console.access.tokens import new_token, tokens_of
from console.app import console_app
from console.services import Services
from monitor.connect import connect_redis
from monitor.console_server import ConsoleServer
from tests.console.house import ORIGIN, House, InProcess, different
from tests.redis_dump import everything

pytestmark = pytest.mark.redis
VIEWER, RESPONDER, ADMIN = AccessRole


def rooms(services: Services, access: Access) -> APIRouter:
    """One page to read, one to act on, and one that tells the CSRF token."""
    router = APIRouter()

    @router.get("/room")
    def room(request: Request, person: Person = Depends(access.needs(VIEWER))) -> Response:  # noqa: B008
        return JSONResponse({"who": person.name, "role": person.role, "csrf": access.csrf(request)})

    @router.post("/room")
    def act(person: Person = Depends(access.needs(RESPONDER))) -> Response:  # noqa: B008
        return JSONResponse({"who": person.name})

    @router.get("/broken")
    def broken() -> Response:
        raise RuntimeError("the secret is hunter2")

    return router


@pytest.fixture
def house(redis_url: str) -> Iterator[House]:
    client = connect_redis(redis_url)
    yield House(client, pages=rooms)
    client.close()


def test_a_token_is_a_person_with_a_role(house: House) -> None:
    assert house.program(ADMIN).get("/room").json()["who"] == "console:admin@shop.example"
    assert house.program(RESPONDER).post("/room").status_code == 200
    refused = house.program(VIEWER).post("/room")
    assert refused.status_code == 403
    assert ("console:viewer@shop.example", "access refused") in [
        (e.who, e.what) for e in house.office.audited()
    ]


@pytest.mark.parametrize("header", ["", "Basic eDp5", "Bearer", "Bearer ", "bearer kwc_nobody", "Bearer é"])
def test_what_is_no_token_is_asked_for_one(house: House, header: str) -> None:
    answer = house.visitor().get("/room", headers={b"Authorization": header.encode()})
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith('Bearer realm="keywatch"')


def test_a_wrong_header_is_not_mended_by_a_cookie(house: House) -> None:
    browser = house.browser(ADMIN)
    assert browser.get("/room").status_code == 200
    assert browser.get("/room", headers={"Authorization": "Bearer kwc_nobody"}).status_code == 401


def test_a_session_begins_with_a_token_and_ends_with_the_logout(house: House) -> None:
    browser = house.browser(RESPONDER)
    [cookie] = [c for c in browser.cookies.jar]
    assert cookie.name == "__Host-keywatch"
    assert cookie.secure
    assert browser.get("/room").json()["role"] == "responder"
    kept = {"name": cookie.name, "value": str(cookie.value)}
    assert browser.post("/logout", headers={"Origin": ORIGIN}).headers["location"] == "/login"
    assert not browser.cookies
    browser.cookies.set(kept["name"], kept["value"], domain="keywatch.example")
    assert browser.get("/room").status_code == 401
    assert [e.what for e in house.office.audited()] == ["login", "logout"]


def test_a_cookie_is_for_this_host_only_and_not_for_scripts(house: House) -> None:
    data = {"token": house.token[VIEWER], "next": "/cases?state=open"}
    answer = house.visitor().post("/login", data=data, headers={"Origin": ORIGIN})
    assert answer.headers["location"] == "/cases?state=open"
    given = answer.headers["set-cookie"].lower()
    assert all(part in given for part in ("httponly", "secure", "samesite=lax", "path=/"))
    assert "domain" not in given


@pytest.mark.parametrize(
    "to", ["//evil.example", "https://evil.example", "/\\evil.example", "\t//evil.example"]
)
def test_a_login_leads_nowhere_else(house: House, to: str) -> None:
    data = {"token": house.token[VIEWER], "next": to}
    answer = house.visitor().post("/login", data=data, headers={"Origin": ORIGIN})
    assert answer.headers["location"] == "/"


def test_an_act_by_cookie_needs_the_sessions_token_and_our_origin(house: House) -> None:
    browser = house.browser(RESPONDER)
    csrf = browser.get("/room").json()["csrf"]
    ours = {"Origin": ORIGIN}
    assert browser.post("/room", headers={**ours, "X-CSRF-Token": csrf}).status_code == 200
    assert browser.post("/room", data={"csrf": csrf}, headers=ours).status_code == 200
    same = {"Sec-Fetch-Site": "same-origin"}
    assert browser.post("/room", data={"csrf": csrf}, headers=same).status_code == 200
    other = house.browser(RESPONDER).get("/room").json()["csrf"]
    for headers, data in [
        (ours, {}),
        (ours, {"csrf": ""}),
        (ours, {"csrf": other}),
        ({}, {"csrf": csrf}),
        ({"Origin": "https://evil.example"}, {"csrf": csrf}),
        ({"Origin": "null"}, {"csrf": csrf}),
        ({"Origin": "http://keywatch.example"}, {"csrf": csrf}),
    ]:
        assert browser.post("/room", headers=headers, data=data).status_code == 403


def test_a_session_ends_when_idle_and_after_its_time(house: House) -> None:
    browser = house.browser(VIEWER)
    [name] = house.client.keys("kw:console:session:*")
    assert 0 < house.client.pttl(name) <= 3_600_000
    house.client.pexpire(name, 1000)
    assert browser.get("/room").status_code == 200
    assert house.client.pttl(name) > 3_000_000, "use keeps it"
    house.clock.advance(12 * 3600)
    assert browser.get("/room").status_code == 401


def test_a_session_ends_with_its_token(house: House) -> None:
    browser = house.browser(ADMIN)
    _, line = new_token("somebody", VIEWER)
    house.tokens.replace(tokens_of(line, "test", house.clock))
    assert browser.get("/room").status_code == 401


def test_redis_keeps_nothing_that_opens_a_door_and_makes_no_session(house: House) -> None:
    browser = house.browser(VIEWER)
    [cookie] = [str(c.value) for c in browser.cookies.jar]
    csrf = browser.get("/room").json()["csrf"]
    dump = everything(house.client)
    for secret in (cookie, csrf, house.token[VIEWER]):
        assert secret.encode() not in dump
    [name] = house.client.keys("kw:console:session:*")
    raw = house.client.get(name)
    house.client.set(name, raw.replace(b'"viewer"', b'"admin"'))
    assert browser.get("/room").status_code == 401


def test_too_many_failures_shut_the_door_for_an_address(redis_url: str) -> None:
    client = connect_redis(redis_url)
    house = House(client, different(failures=3), rooms)
    visitor = house.visitor()
    for _ in range(2):
        assert visitor.get("/room", headers={"Authorization": "Bearer kwc_x"}).status_code == 401
    answer = visitor.post("/login", data={"token": "kwc_x"}, headers={"Origin": ORIGIN})
    assert answer.headers["location"] == "/login?failed=1&next=%2F"
    shut = house.program(ADMIN).get("/room")
    assert shut.status_code == 429
    assert int(shut.headers["retry-after"]) > 200
    assert [e.what for e in house.office.audited()] == ["token refused", "token refused", "login refused"]
    client.close()


def test_a_person_has_a_rate_that_all_replicas_count(redis_url: str) -> None:
    client = connect_redis(redis_url)
    house = House(client, different(rate_per_min=3), rooms)
    first = house.program(VIEWER).get("/room")
    assert first.headers["ratelimit-policy"] == '"person";q=3;w=60'
    assert first.headers["ratelimit"].startswith('"person";r=2;t=')
    other = House(client, different(rate_per_min=3), rooms)
    other.tokens.replace(house.tokens)
    elsewhere = other.visitor()
    elsewhere.headers["Authorization"] = f"Bearer {house.token[VIEWER]}"
    assert [elsewhere.get("/room").status_code for _ in range(3)] == [200, 200, 429]
    assert house.program(ADMIN).get("/room").status_code == 200
    client.close()


@pytest.mark.parametrize(("proxies", "seen"), [(("127.0.0.0/8",), "203.0.113.9"), ((), "127.0.0.1")])
def test_only_a_trusted_proxy_says_where_somebody_is(
    house: House, proxies: tuple[str, ...], seen: str
) -> None:
    server = ConsoleServer("127.0.0.1", 0, house.app, proxies)
    server.start()
    headers = {"Authorization": "Bearer kwc_x", "X-Forwarded-For": "203.0.113.9"}
    assert httpx.get(f"http://127.0.0.1:{server.port}/room", headers=headers).status_code == 401
    server.stop()
    assert house.office.audited()[-1].who == f"console:{seen}"


def test_every_answer_has_its_armour(house: House) -> None:
    for path in ("/room", "/nowhere", "/broken"):
        answer = house.visitor().get(path)
        assert "unsafe-inline" not in answer.headers["content-security-policy"]
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["strict-transport-security"].startswith("max-age=63072000")
        assert "server" not in answer.headers


def test_a_mistake_of_ours_is_told_to_the_log_only(house: House) -> None:
    answer = house.visitor().get("/broken")
    assert answer.status_code == 500
    assert answer.headers["content-type"] == "application/problem+json"
    assert "hunter2" not in answer.text
    [(path, error)] = house.failed
    assert (path, str(error)) == ("/broken", "the secret is hunter2")


def test_slacks_callbacks_are_served_beside(house: House) -> None:
    def pressed(_: Request) -> Response:
        return Response(status_code=204)

    slack = Starlette(routes=[Route("/slack/interactive", pressed, methods=["POST"])])
    app = console_app(house.services, house.access, house.settings, slack=slack)
    with httpx.Client(transport=InProcess(app), base_url=ORIGIN) as client:
        answer = client.post("/slack/interactive")
    assert answer.status_code == 204
    assert "content-security-policy" in answer.headers


def test_a_body_beyond_the_limit_is_not_taken_in(house: House) -> None:
    answer = house.visitor().post("/login", data={"token": "x" * (1 << 20)}, headers={"Origin": ORIGIN})
    assert answer.status_code == 413
