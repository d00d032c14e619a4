"""What pages say of a case, and what their charts are drawn from."""

from __future__ import annotations

import json

from msgspec.structs import replace

from console.pages import words
from console.pages.charts import day_of, traffic_of
from console.pages.worldmap import map_of
from domain.case import Case, CaseState
from domain.decision import Action
from domain.finding import Evidence, Kind
from domain.overview import Minute
from domain.picture import HOUR_MS, HOURS, KeyPicture, Spot
from tests.alerts import NOW_MS, case, finding


def line(what: str, bits: float) -> Evidence:
    return Evidence(what=what, expected="few", actual="many", bits=bits)


def some_case() -> Case:
    origin = finding(evidence=[line("country", 20.0)], contributions={"origin": 24.0, "volume": 9.0})
    volume = finding(kind=Kind.VOLUME, evidence=[line("a minute", 12.0), line("an hour", 14.0)], risk=0.5)
    refused = finding(kind=Kind.BEHAVIOUR, detector="probing", evidence=[line("refused", 60.0)], risk=0.5)
    return replace(case(origin), findings=[origin, volume, refused, refused])


def test_the_evidence_that_weighs_is_said_first() -> None:
    assert [e.what for e in words.headlines(some_case())] == ["country", "an hour"]
    strange = replace(some_case(), findings=[finding(contributions={}, evidence=[line("x", 3.0)])])
    assert [e.what for e in words.headlines(strange)] == ["x"]
    assert words.headline(replace(some_case(), findings=[])) is None


def test_every_line_comes_once_the_most_surprising_first() -> None:
    found = [(one.evidence.what, one.times) for one in words.lines_of(some_case())]
    assert found == [("refused", 2), ("country", 1), ("an hour", 1), ("a minute", 1)]


def test_a_status_is_honest_about_what_was_not_done() -> None:
    suspended = some_case()
    alerted = replace(suspended.decision, action=Action.ALERT)
    said = {
        "suspended": suspended,
        "still works (dry run)": replace(suspended, suspended=False),
        "still works": replace(suspended, suspended=False, decision=alerted),
        "still works (held back)": replace(
            suspended, suspended=False, decision=replace(alerted, held_back="budget")
        ),
        "works again": replace(suspended, state=CaseState.REINSTATED),
        "was never stopped": replace(suspended, state=CaseState.EXPIRED, suspended=False),
        "misuse confirmed": replace(suspended, state=CaseState.CONFIRMED),
        "revoked for good": replace(suspended, state=CaseState.CONFIRMED, revoked=True),
    }
    assert {words.status(one) for one in said.values()} == set(said)
    assert all(words.status(one) == text for text, one in said.items())


def test_endpoints_are_counted_without_what_changes_from_call_to_call() -> None:
    paths = ["GET /v1/items/1", "GET /v1/items/2", "POST /v1/items", "", "sts:GetCallerIdentity"]
    counts = words.counts_of(words.endpoint_of(finding(endpoint=path)) for path in paths)
    assert [(one.name, one.count, one.share) for one in counts] == [
        ("GET /v1/items/{id}", 2, 0.5),
        ("POST /v1/items", 1, 0.25),
        ("sts:GetCallerIdentity", 1, 0.25),
    ]


def picture(actual: list[float | None]) -> KeyPicture:
    return KeyPicture(
        at_ms=NOW_MS,
        first_hour_ms=NOW_MS - HOURS * HOUR_MS,
        expected=[10.0] * HOURS,
        low=[5.0] * HOURS,
        high=[20.0] * HOURS,
        actual=actual,
    )


def test_hours_outside_the_band_are_drawn_apart_and_said() -> None:
    day = day_of(picture([None] * 21 + [10.0, 90.0, 2.0]))
    series = {one["style"]: one["values"] for one in json.loads(day.points)["series"]}
    assert series["seen"][-3:] == [10.0, None, None]
    assert series["beyond"][-3:] == [None, 90.0, 2.0]
    assert "2 of 3 known hours were outside the usual range" in day.words
    assert "had 90 requests; usual is 10 (5 to 20)" in day.words
    assert day_of(picture([10.0] * HOURS)).words.startswith("All hours that are known were within")
    assert day_of(picture([None] * HOURS)).words == "Nothing is kept of the last 24 hours."


def test_an_hour_of_traffic_is_said_in_words() -> None:
    minutes = [Minute(NOW_MS + 60_000 * at, 600 * (at + 1), at) for at in range(3)]
    assert traffic_of(minutes).words.startswith("3,600 events and 3 findings in 3 minutes. Busiest was")
    assert traffic_of([]).words == "Nothing has been counted in the last hour."


def test_a_finding_at_a_usual_place_is_not_a_new_one() -> None:
    home = replace(picture([]), places=[Spot(lat=52.4, lon=4.9, share=1.0)])
    found = [finding(lat=52.3, lon=4.8), finding(lat=55.7, lon=37.6)]
    drawn = map_of(home, found)
    assert drawn is not None
    assert [(mark.usual, mark.x, mark.y) for mark in drawn.marks] == [
        (True, 4.9, -52.4),
        (False, 37.6, -55.7),
    ]
    assert map_of(None, [finding()]) is None
