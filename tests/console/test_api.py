"""The REST API on a real Redis: what reviewers do, with locks, pages and errors."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from console.access.person import AccessRole
from domain.ports import KeyState
from tests.alerts import NOW_MS, finding
from tests.console.house import House
from tests.servers import without_retries

pytestmark = pytest.mark.redis
VIEWER, RESPONDER, ADMIN = AccessRole
V1 = "/api/v1"


def case_in(house: House, key_id: str = "key_victim") -> dict[str, Any]:
    """A suspended key's case, as the API tells it."""
    house.office.find(finding(key_id=key_id, id=f"f_{key_id}"))
    [line] = house.program(VIEWER).get(f"{V1}/cases", params={"key_id": key_id}).json()["items"]
    found: dict[str, Any] = house.program(VIEWER).get(f"{V1}/cases/{line['id']}").json()
    return found


def problem(answer: httpx.Response) -> tuple[int, str]:
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert body["status"] == answer.status_code
    assert body["type"] == f"urn:keywatch:problem:{body['reason']}"
    return answer.status_code, body["reason"]


def test_a_case_is_decided_on_the_version_that_was_seen(house: House) -> None:
    case, program = case_in(house), house.program(RESPONDER)
    path = f"{V1}/cases/{case['id']}/verdicts"
    body = {"verdict": "reinstate", "reason": "their new office"}
    stale = program.post(path, json=body, headers={"If-Match": f'"{case["version"] + 7}"'})
    assert problem(stale) == (412, "changed_meanwhile")
    assert house.services.keys.describe("key_victim").state is KeyState.SUSPENDED
    tag = program.get(f"{V1}/cases/{case['id']}").headers["etag"]
    given = program.post(path, json=body, headers={"If-Match": tag})
    assert given.json()["state"] == "reinstated"
    assert given.headers["etag"] == f'"{given.json()["version"]}"'
    assert house.services.keys.describe("key_victim").state is KeyState.ACTIVE
    assert problem(program.post(path, json=body)) == (409, "illegal_state")
    assert [e.who for e in house.office.audited()][-1] == "console:responder@shop.example"


def test_comments_rotation_and_allowances(house: House) -> None:
    case, program = case_in(house), house.program(RESPONDER)
    path = f"{V1}/cases/{case['id']}"
    told = program.post(f"{path}/comments", json={"text": "I have called them"})
    assert told.json()["timeline"][-1]["why"] == "I have called them"
    stale = program.post(f"{path}/comments", json={"text": "x"}, headers={"If-Match": '"1000"'})
    assert problem(stale) == (412, "changed_meanwhile")
    assert program.post(f"{path}/rotation-requests", json={"reason": "it leaked"}).status_code == 200
    given = program.post(f"{path}/verdicts", json={"verdict": "false_positive", "reason": "new office"})
    assert given.json()["allowances"]
    ended = program.post(f"{path}/end-allowances", json={"reason": "the move is over"})
    assert ended.json()["allowances"] != given.json()["allowances"]
    assert problem(program.post(f"{path}/end-allowances", json={"reason": "again"})) == (409, "illegal_state")
    precision = program.get(f"{V1}/precision").json()["detectors"]["geo_shift"]
    assert precision == {"confirmed": 0, "false_positive": 1, "reinstated": 0, "precision": 0.0}


def test_pages_lead_to_one_another(house: House) -> None:
    for number in range(5):
        house.office.find(finding(key_id=f"key_{number}", id=f"f{number}"))
    program, seen = house.program(VIEWER), []
    to = f"{V1}/cases?state=open&limit=2"
    while to:
        answer = program.get(to)
        seen += [one["key_id"] for one in answer.json()["items"]]
        to = answer.links.get("next", {}).get("url", "")
        assert bool(to) == bool(answer.json()["next"])
    assert sorted(seen) == [f"key_{number}" for number in range(5)]
    incidents = program.get(f"{V1}/incidents", params={"over": "false"}).json()["items"]
    members = program.get(f"{V1}/incidents/{incidents[0]['id']}/cases", params={"limit": 1})
    assert len(members.json()["items"]) == 1
    assert problem(program.get(f"{V1}/cases?cursor=!")) == (422, "wrong_type")
    assert problem(program.get(f"{V1}/incidents/none/cases")) == (404, "not_found")


def test_a_silence_is_changed_by_who_has_seen_it(house: House) -> None:
    program = house.program(RESPONDER)
    begun = program.post(
        f"{V1}/silences", json={"reason": "load test", "until_ms": NOW_MS + 3_600_000, "key": "ci_*"}
    )
    assert begun.status_code == 201
    where, tag = begun.headers["location"], begun.headers["etag"]
    change = {"reason": "longer", "until_ms": NOW_MS + 7_200_000}
    assert problem(program.patch(where, json=change)) == (428, "precondition_required")
    assert problem(program.patch(where, json=change, headers={"If-Match": "W/1"})) == (400, "bad_request")
    changed = program.patch(where, json=change, headers={"If-Match": tag})
    assert (changed.json()["key"], changed.json()["until_ms"]) == ("ci_*", NOW_MS + 7_200_000)
    late = program.delete(where, params={"reason": "over"}, headers={"If-Match": tag})
    assert problem(late) == (412, "changed_meanwhile")
    ended = program.delete(where, params={"reason": "over"}, headers={"If-Match": "*"})
    assert ended.json()["until_ms"] == NOW_MS
    assert program.get(f"{V1}/silences").json()["items"] == [ended.json()]


def test_a_key_is_looked_at_and_stopped_by_hand(house: House) -> None:
    case_in(house)
    program = house.program(RESPONDER)
    seen = program.get(f"{V1}/key", params={"key_id": "key_victim"}).json()
    assert seen["status"]["state"] == "suspended"
    assert len(seen["picture"]["actual"]) == 24
    assert len(seen["cases"]) == 1
    unknown = program.get(f"{V1}/key", params={"key_id": "k/2 {x}"}).json()
    assert unknown["status"] is None
    assert "k/2 {x}" in unknown["status_error"]
    body = {"key_id": "key_other", "reason": "their laptop is lost"}
    assert problem(program.post(f"{V1}/suspensions", json=body)) == (404, "not_found")
    house.office.stores.keys.import_external("key_other", "acme", "ops@acme.example")
    assert program.post(f"{V1}/suspensions", json=body).json()["state"] == "suspended"
    assert house.office.audited()[-1].what == "suspend key by hand"


def test_a_policy_is_tried_and_not_changed(house: House) -> None:
    program = house.program(ADMIN)
    assert program.get(f"{V1}/policy").json()["policy"].startswith("version: 1")
    wrong = program.post(f"{V1}/policy/checks", json={"policy": "rules: []"}).json()
    assert len(wrong["problems"]) == 1
    assert problem(program.post(f"{V1}/policy/comparisons", json={"policy": "x"})) == (422, "wrong_type")
    asked = {"policy": "version: 1", "from_ms": 1, "to_ms": 2}
    begun = program.post(f"{V1}/backtests", json=asked)
    assert begun.status_code == 202
    assert program.get(begun.headers["location"]).json()["state"] == "running"
    assert problem(program.post(f"{V1}/backtests", json=asked)) == (409, "conflict")


def test_the_audit_is_paged_and_taken_out(house: House) -> None:
    for number in range(7):
        house.services.audit.write(who="x", what="y", key_id="", case_id="", why=str(number))
    page = house.program(VIEWER).get(f"{V1}/audit", params={"limit": 3})
    older = house.program(VIEWER).get(page.links["next"]["url"])
    assert [e["why"] for e in page.json()["items"] + older.json()["items"]] == list("654321")
    assert problem(house.program(RESPONDER).get(f"{V1}/audit/export")) == (403, "denied")
    exported = house.program(ADMIN).get(f"{V1}/audit/export").text.splitlines()
    assert [json.loads(line)["seq"] for line in exported] == list(range(len(exported), 0, -1))
    assert json.loads(exported[0])["what"] == "export audit log"


def test_a_browser_acts_with_what_me_tells_it(house: House) -> None:
    case, browser = case_in(house), house.browser(RESPONDER)
    me = browser.get(f"{V1}/me").json()
    assert me["name"] == "console:responder@shop.example"
    path, body = f"{V1}/cases/{case['id']}/comments", {"text": "by hand"}
    assert problem(browser.post(path, json=body)) == (403, "denied")
    ours = {"Sec-Fetch-Site": "same-origin", "X-CSRF-Token": me["csrf"]}
    assert browser.post(path, json=body, headers=ours).status_code == 200
    assert house.program(RESPONDER).get(f"{V1}/me").json()["csrf"] == ""


@pytest.mark.parametrize(
    ("content", "kind", "wanted"),
    [
        (b'{"text": "x"}', "text/plain", (415, "unsupported_media_type")),
        (b"{", "application/json", (400, "not_json")),
        (b"\xff", "application/json", (400, "not_json")),
        (b"[" * 100_000, "application/json", (422, "wrong_type")),
        (b'{"text": NaN}', "application/json", (400, "not_json")),
        (b'{"text": ""}', "application/json", (422, "wrong_type")),
        (b'{"text": 1}', "application/json", (422, "wrong_type")),
        (b'{"text": "x", "more": 1}', "application/json", (422, "wrong_type")),
        (b'{"text": "' + b"x" * (1 << 20) + b'"}', "application/json", (413, "too_large")),
    ],
)
def test_bodies_that_do_not_fit(house: House, content: bytes, kind: str, wanted: tuple[int, str]) -> None:
    path = f"{V1}/cases/case_1/comments"
    answer = house.program(RESPONDER).post(path, content=content, headers={"Content-Type": kind})
    assert problem(answer) == wanted


def test_a_silent_redis_is_503() -> None:
    house = House(without_retries("redis://127.0.0.1:1"))
    answer = house.program(VIEWER).get(f"{V1}/cases")
    assert problem(answer) == (503, "unreachable")
    assert answer.headers["retry-after"] == "5"


def test_paths_that_are_not_there(house: House) -> None:
    assert problem(house.visitor().get(f"{V1}/nothing")) == (404, "not_found")
    refused = house.visitor().put(f"{V1}/overview")
    assert problem(refused) == (405, "method_not_allowed")
    assert refused.headers["allow"] == "GET"
