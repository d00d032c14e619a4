"""An evaluation as plain values (for JSON and pages) and as tables for a terminal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from statistics import median
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from monitor.evaluation.confidence import poisson, wilson
from monitor.evaluation.run import Played
from monitor.evaluation.sweep import Point, alerts_of, sweep
from monitor.evaluation.tally import (
    DAY_MS,
    FalseAlert,
    Tally,
    Verdict,
    attack_scores,
    honest_findings,
    tally,
)

STRENGTHS: Final = ("weak", "medium", "strong")
ALL: Final = "all attacks"


def evaluate(played: Sequence[Played]) -> dict[str, Any]:
    """Everything there is to say, as JSON can hold it. Rates are per 1,000 key-days."""
    by_policy = tally(played, [alerts_of(corpus) for corpus in played])
    return {
        "corpora": [_corpus(corpus) for corpus in played],
        "policy": summary(by_policy),
        "sweep": [_point(point) for point in sweep(played)],
        "scores": _scores(played),
        "cases": [_case(verdict) for verdict in by_policy.verdicts],
        "false_alerts": [_false_alert(alert) for alert in by_policy.false_alerts],
    }


def _scores(played: Sequence[Played]) -> dict[str, list[float]]:
    """The highest score of every honest key and day with a finding, and of every attack."""
    honest: dict[tuple[str, str, int], float] = {}
    for corpus in played:
        for one in honest_findings(corpus):
            day = (corpus.name, one.key_id, one.at_ms // DAY_MS)
            honest[day] = max(honest.get(day, 0.0), one.score)
    attacks = [score for corpus in played for score in attack_scores(corpus)]
    return {"honest": [round(s, 2) for s in honest.values()], "attack": [round(s, 2) for s in attacks]}


def _corpus(corpus: Played) -> dict[str, Any]:
    labels = corpus.labels
    return {
        "name": corpus.name,
        "seed": labels.seed,
        "size": labels.size,
        "events": corpus.events,
        "keys": len(labels.keys),
        "findings": len(corpus.raised),
    }


def _false_alert(alert: FalseAlert) -> dict[str, Any]:
    raised = alert.raised
    return {
        "corpus": alert.corpus,
        "group": alert.group,
        "habit": alert.habit,
        "key": raised.key_id,
        "detector": raised.detector,
        "score": round(raised.score, 2),
        "at_ms": raised.at_ms,
    }


def summary(found: Tally) -> dict[str, Any]:
    """Recall and latency by kind and strength, false alerts by group, suspensions and precision."""
    true = sum(v.found for v in found.verdicts)
    false = len(found.false_alerts)
    return {
        "recall": recalls(found.verdicts),
        "false_alerts": {group: _rate(found, [group]) for group in sorted(found.exposure)}
        | {"all after warm-up": _rate(found, found.honest_groups())},
        "changes_alerted": {
            kind: {"alerted": hit, "of": of, "interval": wilson(hit, of)}
            for kind, (hit, of) in sorted(found.changes.items())
        },
        "precision": {"share": true / (true + false) if true + false else 1.0, "true": true, "false": false},
        "suspensions": {
            "right": sum(v.suspended for v in found.verdicts),
            "wrong": sum(f.raised.rank >= 2 for f in found.false_alerts),
        },
        "false_by_detector": dict(Counter(f.raised.detector for f in found.false_alerts).most_common()),
        "false_by_habit": dict(Counter(f.habit for f in found.false_alerts).most_common()),
        "found_by_detector": dict(Counter(v.found_by for v in found.verdicts if v.found).most_common()),
    }


def recalls(verdicts: Sequence[Verdict]) -> list[dict[str, Any]]:
    """A row for every kind and strength, ``all`` for all strengths."""
    kinds = sorted({v.case.kind for v in verdicts})
    rows = []
    for kind in (*kinds, ALL):
        mine = [v for v in verdicts if kind in (ALL, v.case.kind)]
        for strength in (*STRENGTHS, ""):
            rows.append(_recall(kind, strength, [v for v in mine if strength in ("", v.case.strength)]))
    return rows


def _recall(kind: str, strength: str, verdicts: Sequence[Verdict]) -> dict[str, Any]:
    found = [v for v in verdicts if v.found]
    return {
        "kind": kind,
        "strength": strength or "all",
        "found": len(found),
        "of": len(verdicts),
        "interval": wilson(len(found), len(verdicts)),
        "median_requests": median(v.requests for v in found) if found else None,
        "median_seconds": median(v.seconds for v in found) if found else None,
    }


def _rate(found: Tally, groups: Iterable[str]) -> dict[str, Any]:
    groups = list(groups)
    days = sum(found.exposure.get(group, 0.0) for group in groups)
    count = found.false_in(groups)
    low, high = poisson(count, days / 1000)
    return {
        "count": count,
        "key_days": round(days, 1),
        "rate": 1000 * count / days if days else None,
        "interval": [low, high if days else None],
    }


def _point(point: Point) -> dict[str, Any]:
    rows = [row for row in recalls(point.tally.verdicts) if row["strength"] == "all"]
    return {
        "rate": point.rate,
        "reached": point.tally.false_rate(),
        "threshold": point.threshold if point.threshold != float("inf") else None,
        "recall": {row["kind"]: [row["found"], row["of"]] for row in rows},
    }


def _case(verdict: Verdict) -> dict[str, Any]:
    case = verdict.case
    return {
        "corpus": verdict.corpus,
        "id": case.id,
        "kind": case.kind,
        "strength": case.strength,
        "keys": case.keys,
        "start_ms": case.start_ms,
        "end_ms": case.end_ms,
        "of_requests": len(case.offsets),
        "found_by": verdict.found_by,
        "requests": verdict.requests,
        "seconds": verdict.seconds,
    }


# -- for a terminal ----------------------------------------------------------------------------------


def show(console: Console, report: dict[str, Any]) -> None:
    """Print the tables."""
    console.print(_recall_table(report["policy"]["recall"]))
    console.print(_false_table(report["policy"]))
    console.print(_sweep_table(report["sweep"]))
    _show_totals(console, report["policy"])


def _recall_table(rows: list[dict[str, Any]]) -> Table:
    table = Table("attack", "weak", "medium", "strong", "recall", "95 %", "requests", "until found",
                  title="found by policy (requests and time: medians of those found)", box=None)  # fmt: skip
    kinds = list(dict.fromkeys(row["kind"] for row in rows))
    for kind in kinds:
        mine = {row["strength"]: row for row in rows if row["kind"] == kind}
        every = mine["all"]
        low, high = every["interval"]
        table.add_row(
            kind, *(f"{mine[s]['found']}/{mine[s]['of']}" for s in STRENGTHS),
            f"{every['found'] / max(every['of'], 1):.0%}", f"{low:.0%}-{high:.0%}",
            "" if every["median_requests"] is None else f"{every['median_requests']:.0f}",
            "" if every["median_seconds"] is None else span(every["median_seconds"]),
        )  # fmt: skip
    return table


def _false_table(policy: dict[str, Any]) -> Table:
    table = Table("honest", "false alerts", "key-days", "per 1,000", "95 %", "changes alerted",
                  title="false alerts by policy", box=None)  # fmt: skip
    for group, row in policy["false_alerts"].items():
        low, high = row["interval"]
        change = policy["changes_alerted"].get(group)
        table.add_row(
            group, str(row["count"]), f"{row['key_days']:.0f}",
            "" if row["rate"] is None else f"{row['rate']:.1f}", f"{low:.1f}-{high or 0:.1f}",
            f"{change['alerted']}/{change['of']}" if change else "",
        )  # fmt: skip
    return table


def _sweep_table(points: list[dict[str, Any]]) -> Table:
    heads = [f"{p['rate']:g} /1,000" for p in points]
    table = Table("attack", *heads, title="recall at a false alert rate (threshold on the score)", box=None)
    for kind in points[0]["recall"]:
        table.add_row(kind, *(f"{p['recall'][kind][0] / max(p['recall'][kind][1], 1):.0%}" for p in points))
    table.add_row(
        "threshold", *("none" if p["threshold"] is None else f"{p['threshold']:.1f}" for p in points)
    )
    return table


def _show_totals(console: Console, policy: dict[str, Any]) -> None:
    precision, suspended = policy["precision"], policy["suspensions"]
    console.print(
        f"precision {precision['share']:.1%} ({precision['true']} true, {precision['false']} false alerts); "
        f"suspensions: {suspended['right']} right, {suspended['wrong']} wrong"
    )
    for title in ("found_by_detector", "false_by_detector", "false_by_habit"):
        console.print(
            title.replace("_", " ") + ": " + ", ".join(f"{k} {n}" for k, n in policy[title].items())
        )


def span(seconds: float) -> str:
    """Seconds as people say them.

    >>> span(42), span(600), span(9000)
    ('42 s', '10 min', '2.5 h')
    """
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
