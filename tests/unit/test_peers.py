"""What peers are given and how they are compared; the algorithms themselves are their libraries'."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from benchmarks.peers import sigma, travel
from benchmarks.peers.base import TABLES, Input
from benchmarks.peers.contest import Entry, compare, inputs, only
from benchmarks.peers.stream import COLUMNS, Stream
from benchmarks.peers.windows import COUNTS, fresh, table
from tests.corpora import HOUR_MS, START_MS, case, labels, played, raised

AMSTERDAM, LEIDEN, TOKYO = (52.37, 4.9), (52.16, 4.49), (35.68, 139.69)


def stream(*rows: dict[str, Any]) -> Stream:
    """Requests: ``at_h`` hours after the start, ``key`` 0 or 1, and columns that differ from the plain."""
    plain = dict.fromkeys(COLUMNS, 1) | {"listed": 0, "write": False, "status": 200, "bytes_out": 900}
    made = [plain | {"ts_ms": START_MS + int(row["at_h"] * HOUR_MS)} | row for row in rows]
    made.sort(key=lambda row: row["ts_ms"])
    column = {name: np.array([row[name] for row in made]) for name in COLUMNS}
    key = np.array([row.get("key", 0) for row in made])
    return Stream("tiny", labels(case(offsets=[1])), ["key_a", "key_b"], key, column, column["ts_ms"])


def at(place: tuple[float, float], at_h: float, prefix: int, **changes: Any) -> dict[str, Any]:
    return {"at_h": at_h, "lat": place[0], "lon": place[1], "prefix": prefix, "country": prefix} | changes


def told(*rows: dict[str, Any]) -> set[str]:
    """The rules that say anything."""
    given = Input(stream(*rows), {})
    return {peer.name for peer in travel.peers() if peer.run(given)}


def test_every_travel_rule_sees_two_continents_within_an_hour() -> None:
    assert told(at(AMSTERDAM, 0, 1), at(TOKYO, 1, 2)) == {"Panther", "Elastic", "BuffaLogs", "CrowdSec"}


@pytest.mark.parametrize(
    ("rows", "names"),
    [
        ((at(AMSTERDAM, 0, 1), at(TOKYO, 20, 2)), {"BuffaLogs"}),  # 460 km/h
        ((at(AMSTERDAM, 0, 1), at(TOKYO, 2, 2)), {"Panther", "BuffaLogs", "CrowdSec"}),  # over 90 minutes
        ((at(AMSTERDAM, 0, 1), at(LEIDEN, 0.01, 2)), set()),  # near
        ((at(AMSTERDAM, 0, 1), at(TOKYO, 1, 2, listed=1)), {"BuffaLogs", "CrowdSec"}),  # a VPN
        ((at(AMSTERDAM, 0, 1), at(TOKYO, 1, 2, key=1)), set()),
        ((at(AMSTERDAM, 0, 1), at((float("nan"), float("nan")), 1, 2)), set()),
    ],
)
def test_travel_rules_keep_their_published_limits(rows: tuple[dict[str, Any], ...], names: set[str]) -> None:
    assert told(*rows) == names


def test_going_back_and_forth_is_told_once_by_elastic() -> None:
    given = Input(stream(*(at((AMSTERDAM, TOKYO)[i % 2], 0.1 * i, i % 2) for i in range(4))), {})
    counts = {peer.name: len(peer.run(given)) for peer in travel.peers()}
    assert (counts["Elastic"], counts["Panther"]) == (1, 3)


def test_a_value_is_new_for_six_hours_and_not_in_the_first_two_days() -> None:
    hours = (0, 40, 60, 65, 67)
    countries = (1, 2, 3, 3, 3)
    made = stream(*({"at_h": h, "country": c} for h, c in zip(hours, countries, strict=True)))
    assert fresh(made, "country").tolist() == [False, False, True, True, False]


def test_windows_count_what_is_in_them() -> None:
    made = stream({"at_h": 0.01}, {"at_h": 0.02, "status": 404}, {"at_h": 0.02, "key": 1}, {"at_h": 1.5})
    hours = table(made, 60)
    assert hours.key.tolist() == [0, 1, 0]
    assert np.expm1(hours.counts[:, COUNTS.index("requests")]).round().tolist() == [2, 1, 1]
    assert hours.counts[:, COUNTS.index("404")].tolist() == [0.5, 0, 0]
    assert hours.past.tolist() == [0, 0, 1]


def test_deviations_know_only_the_past() -> None:
    rows = [{"at_h": h + 0.1 * i} for h in range(30) for i in range(1 + h % 3)]
    before = table(stream(*rows), 60).own
    after = table(stream(*rows, *({"at_h": 29.5} for _ in range(50))), 60).own
    np.testing.assert_allclose(after[:-1], before[:-1])
    assert after[-1, 0] > before[-1, 0] + 3


def test_three_sigma_sees_a_spike_and_a_new_country() -> None:
    rows = [{"at_h": h + 0.1 * i} for h in range(60) for i in range(1 + h % 3)]
    spike = [{"at_h": 60.2} for _ in range(40)]
    given = inputs(stream(*rows, *spike, {"at_h": 62, "country": 9}))
    assert set(given.windows) == set(TABLES)
    found = sigma.three_sigma(1000.0)(given)
    highest = max((one for one in found if one.detector == "60 min"), key=lambda one: one.score)
    assert highest.at_ms >= START_MS + 61 * HOUR_MS
    assert highest.score > 3
    assert [one.score for one in found if one.detector == "new country"] == [1000.0]


def test_a_sample_of_keys_is_counted_anew() -> None:
    made = stream({"at_h": 0, "key": 1}, {"at_h": 1}, {"at_h": 2, "key": 1}, {"at_h": 3})
    sample = only(made, {"key_a"})
    assert (len(sample), sample.key_ids, sample.key.tolist()) == (2, ["key_a"], [0, 0])
    assert [c.offsets for c in sample.labels.cases] == [[0]]
    assert set(sample.labels.keys) == {"key_a"}


def test_the_best_variant_of_a_peer_counts_and_lists_of_keys_do_not() -> None:
    truth = labels(case(), case(id="case-2", kind="honey key touched", keys=["key_b"]))
    found, missed = played(truth, raised(5 * 24.0, offset=100, score=4.0)), played(truth)
    entries = [Entry("naive (1)", [missed]), Entry("naive (2)", [found], at=3.0)]
    (row,) = compare(entries, 1.0)["contestants"]
    assert (row["name"], row["total"]) == ("naive (2)", 1.0)
    assert row["recall"] == {"theft": [1, 1], "honey key touched": [0, 1]}
    assert row["published"] == {"recall": 1.0, "rate": 0.0}
