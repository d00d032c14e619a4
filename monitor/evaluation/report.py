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
from monitor.evaluation.tables import STRENGTHS, Grid, found, honest, swept
from monitor.evaluation.tally import (
    DAY_MS,
    FalseAlert,
    Tally,
    Verdict,
    attack_scores,
    honest_findings,
    tally,
)

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
    days: dict[tuple[str, str, int], float] = {}
    for corpus in played:
        for one in honest_findings(corpus):
            day = (corpus.name, one.key_id, one.at_ms // DAY_MS)
            days[day] = max(days.get(day, 0.0), one.score)
    attacks = [score for corpus in played for score in attack_scores(corpus)]
    return {"honest": [round(s, 2) for s in days.values()], "attack": [round(s, 2) for s in attacks]}


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


def summary(counts: Tally) -> dict[str, Any]:
    """Recall and latency by kind and strength, false alerts by group, suspensions and precision."""
    true = sum(v.found for v in counts.verdicts)
    false = len(counts.false_alerts)
    return {
        "recall": recalls(counts.verdicts),
        "false_alerts": {group: _rate(counts, [group]) for group in sorted(counts.exposure)}
        | {"all after warm-up": _rate(counts, counts.honest_groups())},
        "changes_alerted": {
            kind: {"alerted": hit, "of": of, "interval": wilson(hit, of)}
            for kind, (hit, of) in sorted(counts.changes.items())
        },
        "precision": {"share": true / (true + false) if true + false else 1.0, "true": true, "false": false},
        "suspensions": {
            "right": sum(v.suspended for v in counts.verdicts),
            "wrong": sum(f.raised.rank >= 2 for f in counts.false_alerts),
        },
        "false_by_detector": dict(Counter(f.raised.detector for f in counts.false_alerts).most_common()),
        "false_by_habit": dict(Counter(f.habit for f in counts.false_alerts).most_common()),
        "found_by_detector": dict(Counter(v.found_by for v in counts.verdicts if v.found).most_common()),
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
    hits = [v for v in verdicts if v.found]
    return {
        "kind": kind,
        "strength": strength or "all",
        "found": len(hits),
        "of": len(verdicts),
        "interval": wilson(len(hits), len(verdicts)),
        "median_requests": median(v.requests for v in hits) if hits else None,
        "median_seconds": median(v.seconds for v in hits) if hits else None,
    }


def _rate(counts: Tally, groups: Iterable[str]) -> dict[str, Any]:
    groups = list(groups)
    days = sum(counts.exposure.get(group, 0.0) for group in groups)
    count = counts.false_in(groups)
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
    """Print the tables and the totals."""
    policy = report["policy"]
    for grid in (found(policy), honest(policy), swept(report["sweep"])):
        print_grid(console, grid)
    precision, suspended = policy["precision"], policy["suspensions"]
    console.print(
        f"precision {precision['share']:.1%} ({precision['true']} true, {precision['false']} false alerts); "
        f"suspensions: {suspended['right']} right, {suspended['wrong']} wrong"
    )
    for title in ("found_by_detector", "false_by_detector", "false_by_habit"):
        counts = ", ".join(f"{name} {n}" for name, n in policy[title].items())
        console.print(f"{title.replace('_', ' ')}: {counts or 'none'}")


def print_grid(console: Console, grid: Grid) -> None:
    """A table on a terminal."""
    table = Table(*(head.replace(" (", "\n(") for head in grid.heads), title=grid.title, box=None)
    for row in grid.rows:
        table.add_row(*row)
    console.print(table)
