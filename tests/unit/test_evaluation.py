"""The counting: what is found, how soon, what is false, at which threshold; and the command around it."""

from __future__ import annotations

import json
import math
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from domain.errors import Fatal
from monitor.cli import app
from monitor.evaluation.charts import figures
from monitor.evaluation.confidence import poisson, wilson
from monitor.evaluation.labels import corpora, read_labels
from monitor.evaluation.report import evaluate
from monitor.evaluation.run import CERTAIN_SCORE, Played
from monitor.evaluation.sweep import alerts_of, sweep
from monitor.evaluation.tally import BEFORE, STEADY, WARM_UP, Tally, incidents, tally
from tests.corpora import DAY_MS, START_MS, case, event, labels, played, raised, write

ATTACK_H = 5 * 24.0


def counted(corpus: Played) -> Tally:
    return tally([corpus], [alerts_of(corpus)])


# -- intervals ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("hits", "of", "low", "high"),
    [(0, 10, 0.0, 0.278), (10, 10, 0.722, 1.0), (50, 100, 0.404, 0.596), (0, 0, 0.0, 1.0)],
)
def test_wilson_gives_the_published_values(hits: int, of: int, low: float, high: float) -> None:
    assert wilson(hits, of) == pytest.approx((low, high), abs=5e-4)


@pytest.mark.parametrize(("count", "low", "high"), [(0, 0.0, 3.689), (1, 0.025, 5.572), (10, 4.795, 18.390)])
def test_poisson_gives_garwoods_values(count: int, low: float, high: float) -> None:
    assert poisson(count, 1.0) == pytest.approx((low, high), abs=1e-3)
    assert poisson(count, 4.0) == pytest.approx((low / 4, high / 4), abs=1e-3)


def test_without_exposure_a_rate_is_unknown() -> None:
    assert poisson(0, 0.0) == (0.0, math.inf)


# -- attacks -----------------------------------------------------------------------------------------


def test_an_attack_is_found_by_the_first_alert_and_latency_counts_malicious_requests() -> None:
    corpus = played(
        labels(case()),
        raised(ATTACK_H + 0.1, offset=150, rank=0),
        raised(ATTACK_H + 0.2, offset=250, rank=1),
        raised(ATTACK_H + 0.3, offset=350, rank=2),
    )
    (verdict,) = counted(corpus).verdicts
    assert (verdict.found, verdict.requests, verdict.seconds) == (True, 2, 720.0)
    assert verdict.suspended


@pytest.mark.parametrize(
    "alert",
    [
        raised(ATTACK_H + 0.1, offset=99),  # before the first malicious record
        raised(ATTACK_H + 2.1, offset=400),  # later than an hour after the last
        raised(ATTACK_H + 0.1, offset=150, key_id="key_b"),
        raised(ATTACK_H + 0.1, offset=150, rank=0),
    ],
)
def test_an_attack_is_not_found_by_another_alert(alert: Any) -> None:
    assert not counted(played(labels(case()), alert)).verdicts[0].found


def test_an_alert_on_any_of_its_keys_finds_an_attack() -> None:
    corpus = played(labels(case(keys=["key_a", "key_b"])), raised(ATTACK_H, "key_b", 100))
    assert counted(corpus).verdicts[0].requests == 1


# -- false alerts ------------------------------------------------------------------------------------


def test_alerts_of_a_day_are_one_incident() -> None:
    alerts = [raised(h, offset=int(h)) for h in (0, 1, 23.9, 24, 47, 49)]
    assert [one.offset for one in incidents(alerts)] == [0, 24, 49]


def test_false_alerts_are_counted_in_the_group_of_their_moment() -> None:
    truth = labels(case(), case("benign", id="case-2", keys=["key_c"]), keys=("key_a", "key_b", "key_c"))
    corpus = played(
        truth,
        raised(10, "key_b", 1),  # while learning
        raised(100, "key_b", 2),
        raised(101, "key_a", 3),  # before its attack
        raised(ATTACK_H + 30, "key_a", 900),  # after its attack: counts for nothing
        raised(ATTACK_H + 1, "key_c", 901),
    )
    found = counted(corpus)
    assert [alert.group for alert in found.false_alerts] == [WARM_UP, STEADY, BEFORE, "deploy"]
    assert found.changes == {"deploy": (1, 1)}
    assert found.exposure == pytest.approx({WARM_UP: 6, STEADY: 8, BEFORE: 6, "deploy": 5})
    assert found.false_rate() == pytest.approx(1000 * 3 / 19)


def test_honey_keys_have_no_honest_time() -> None:
    truth = labels(case(), honey_keys=["key_a"])
    found = counted(played(truth, raised(1, "key_a", 1)))
    assert not found.false_alerts
    assert found.exposure == pytest.approx({WARM_UP: 2, STEADY: 8})


# -- thresholds --------------------------------------------------------------------------------------


def test_the_sweep_takes_the_lowest_threshold_within_the_rate() -> None:
    false = [raised(60 + 25 * i, "key_b", i, score=float(i), rank=0) for i in range(1, 6)]
    attack = raised(ATTACK_H, offset=100, score=4.5, rank=0)
    corpus = played(labels(case()), *false, attack)
    days = 11  # of key_b and, until the attack, of key_a
    (none, one, all_) = sweep([corpus], [0.0, 1000 / days, 1000 * 5 / days])
    assert (none.threshold, none.recall) == (math.inf, 0.0)
    assert (one.threshold, one.recall) == (4.5, 1.0)
    assert all_.threshold == 1.0
    assert all_.tally.false_rate() == pytest.approx(1000 * 5 / days)


def test_rates_above_the_alert_budget_are_not_read_from_its_findings() -> None:
    corpus = replace(played(labels(case())), budget=2.0)
    assert [point.rate for point in sweep([corpus])] == [0.5, 1.0, 2.0]
    assert [point.rate for point in sweep([replace(corpus, budget=0.2)])] == [0.2]


# -- the command -------------------------------------------------------------------------------------


def tiny(folder: Path) -> None:
    """A honey key used, a revoked key used, and a key that does as ever."""
    honest = [event(600.0 * i, "key_b") for i in range(20)]
    events = [*honest, event(12_100, "key_a"), event(12_200, "key_r", status=401), event(12_300, "key_b")]
    at = START_MS + 12_100_000
    honey = case(kind="honey key touched", offsets=[20], start_ms=at, end_ms=at)
    later: dict[str, Any] = {"start_ms": at + 100_000, "end_ms": at + 100_000}
    revoked = case(id="case-2", kind="revoked key used", keys=["key_r"], offsets=[21], **later)
    truth = labels(
        honey,
        revoked,
        keys=("key_a", "key_b", "key_r"),
        honey_keys=["key_a"],
        stopped_keys={"key_r": START_MS + 1},
        end_ms=START_MS + DAY_MS // 2,
        warm_up_days=0.0,
    )
    write(folder, truth, events)


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("corpora")
    tiny(folder / "one")
    page, drawn = folder / "page.html", folder / "figures"
    result = CliRunner().invoke(
        app, ["evaluate", str(folder), "--json", "--html", str(page), "--figures", str(drawn)]
    )
    assert result.exit_code == 0, result.output
    out: dict[str, Any] = json.loads(result.stdout)
    return out | {"page": page.read_text(), "svg": sorted(p.name for p in drawn.iterdir())}


def test_honey_and_revoked_keys_of_a_corpus_are_known_to_its_replay(report: dict[str, Any]) -> None:
    found = {c["kind"]: (c["found_by"], c["requests"]) for c in report["cases"]}
    assert found == {"honey key touched": ("honey_key", 1), "revoked key used": ("stopped_key", 1)}
    assert report["scores"]["attack"] == [CERTAIN_SCORE, CERTAIN_SCORE]
    assert report["policy"]["precision"]["false"] == 0


def test_the_page_needs_nothing_else_and_shows_every_figure(report: dict[str, Any]) -> None:
    assert not re.search(r'(src|href)="https?:', report["page"].replace("http://www.w3.org", ""))
    assert report["page"].count("<svg") == len(report["svg"]) == 5


def test_figures_are_the_same_bytes_for_the_same_report(report: dict[str, Any]) -> None:
    peers = {"rate": 1.0, "contestants": [{"name": "keywatch", "recall": {"theft": [1, 2]}}]}
    assert figures(report, peers) == figures(report, peers)
    assert "1/2" in figures(report, peers)["peers"]


def test_the_terminal_shows_kinds_and_rates(tmp_path: Path) -> None:
    tiny(tmp_path)
    result = CliRunner().invoke(app, ["evaluate", str(tmp_path)], env={"COLUMNS": "160"})
    assert "honey key touched" in result.stdout
    assert "all after warm-up" in " ".join(result.stdout.split())


def test_a_folder_without_labels_says_how_to_make_them(tmp_path: Path) -> None:
    with pytest.raises(Fatal, match=r"sample_streams\.corpus"):
        corpora(tmp_path)
    (tmp_path / "labels.json").write_text("{}")
    with pytest.raises(Fatal, match="labels"):
        read_labels(tmp_path)


def test_several_corpora_count_together(tmp_path: Path) -> None:
    corpus = played(labels(case()), raised(ATTACK_H, offset=100))
    both = evaluate([corpus, corpus])
    total = next(r for r in both["policy"]["recall"] if r["kind"] == "all attacks" and r["strength"] == "all")
    assert (total["found"], total["of"], len(both["corpora"])) == (2, 2, 2)
    assert both["policy"]["false_alerts"][STEADY]["key_days"] == 16
