"""``Idempotency-Key``: a POST sent again is done once."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import msgspec
import pytest
from fastapi import Response
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from console.access.person import AccessRole
from console.api.once import RUNS_MS, Kept
from tests.alerts import NOW_MS
from tests.console.house import House
from tests.console.test_api import V1, case_in, problem

pytestmark = pytest.mark.redis
RESPONDER, ADMIN = AccessRole.RESPONDER, AccessRole.ADMIN


def test_the_answer_is_what_it_was(house: House) -> None:
    program = house.program(RESPONDER)
    body = {"reason": "load test", "until_ms": NOW_MS + 3_600_000}
    first = program.post(f"{V1}/silences", json=body, headers={"Idempotency-Key": '"a1"'})
    again = program.post(f"{V1}/silences", json=body, headers={"Idempotency-Key": "a1"})
    assert again.content == first.content
    assert (again.status_code, again.headers["location"], again.headers["etag"]) == (
        first.status_code,
        first.headers["location"],
        first.headers["etag"],
    )
    assert (again.headers.get("idempotency-replayed"), first.headers.get("idempotency-replayed")) == (
        "true",
        None,
    )
    assert len(program.get(f"{V1}/silences").json()["items"]) == 1
    other = program.post(f"{V1}/silences", json={**body, "key": "x"}, headers={"Idempotency-Key": "a1"})
    assert problem(other) == (422, "invalid")
    somebody = house.program(ADMIN).post(f"{V1}/silences", json=body, headers={"Idempotency-Key": "a1"})
    assert "idempotency-replayed" not in somebody.headers


def test_what_was_refused_may_be_tried_again(house: House) -> None:
    program, key = house.program(RESPONDER), {"Idempotency-Key": "a1"}
    body = {"key_id": "key_late", "reason": "lost"}
    assert problem(program.post(f"{V1}/suspensions", json=body, headers=key)) == (404, "not_found")
    house.office.stores.keys.import_external("key_late", "acme", "ops@acme.example")
    assert program.post(f"{V1}/suspensions", json=body, headers=key).status_code == 200


@pytest.mark.parametrize("key", ["", " ", "a b", "é", "x" * 256, '"'])
def test_a_key_that_is_none(house: House, key: str) -> None:
    answer = house.program(RESPONDER).post(
        f"{V1}/policy/checks", json={"policy": ""}, headers={b"Idempotency-Key": key.encode()}
    )
    assert problem(answer) == (400, "bad_request")


def test_while_the_first_runs_others_are_told_to_wait(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    begun, go_on, times = threading.Event(), threading.Event(), []

    def slow() -> Response:
        times.append(1)
        begun.set()
        assert go_on.wait(10)
        return Response(b"{}")

    case, review = case_in(house), house.services.review
    path, key = f"{V1}/cases/{case['id']}/comments", {"Idempotency-Key": "a1"}
    commented = review.comment

    def comment(*told: str) -> object:
        slow()
        return commented(*told)

    monkeypatch.setattr(review, "comment", comment)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(house.program(RESPONDER).post, path, json={"text": "x"}, headers=key)
        assert begun.wait(10)
        second = house.program(RESPONDER).post(path, json={"text": "x"}, headers=key)
        go_on.set()
        assert first.result().status_code == 200
    assert problem(second) == (409, "conflict")
    assert len(times) == 1


def test_a_first_request_that_died_does_not_hold_the_key(house: House) -> None:
    house.program(RESPONDER).post(
        f"{V1}/policy/checks", json={"policy": "x"}, headers={"Idempotency-Key": "a1"}
    )
    [name] = house.client.keys("kw:console:once:*")
    assert house.client.pttl(name) > 86_000_000
    kept = msgspec.msgpack.decode(house.client.get(name), type=Kept)
    house.client.set(name, msgspec.msgpack.encode(msgspec.structs.replace(kept, status=0)), px=RUNS_MS)
    waiting = house.program(RESPONDER).post(
        f"{V1}/policy/checks", json={"policy": "x"}, headers={"Idempotency-Key": "a1"}
    )
    assert problem(waiting) == (409, "conflict")
    house.client.delete(name)
    again = house.program(RESPONDER).post(
        f"{V1}/policy/checks", json={"policy": "x"}, headers={"Idempotency-Key": "a1"}
    )
    assert again.status_code == 200


SENT = st.tuples(st.sampled_from(["k1", "k2", None]), st.sampled_from(["good", "bad"]), st.booleans())


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(SENT, max_size=12))
def test_any_order_of_requests_does_each_key_once(
    house: House, sent: list[tuple[str | None, str, bool]]
) -> None:
    """``bad`` fits the shape and is refused by the desk: its end is too far away."""
    house.client.flushall()
    programs = {True: house.program(RESPONDER), False: house.program(ADMIN)}
    kept: dict[tuple[str, bool], tuple[str, bytes]] = {}
    made = 0
    for key, kind, who in sent:
        until = NOW_MS + 3_600_000 if kind == "good" else NOW_MS - 1
        answer = programs[who].post(
            f"{V1}/silences",
            json={"reason": kind, "until_ms": until},
            headers={"Idempotency-Key": key} if key else {},
        )
        before = kept.get((key or "", who)) if key else None
        if before and before[0] != kind:
            assert answer.status_code == 422
        elif before:
            assert answer.content == before[1]
        elif kind == "good":
            assert answer.status_code == 201
            made += 1
            if key:
                kept[key, who] = (kind, answer.content)
        else:
            assert answer.status_code == 422
    assert len(programs[True].get(f"{V1}/silences").json()["items"]) == made
