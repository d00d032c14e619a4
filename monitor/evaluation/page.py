"""The evaluation as one HTML file that needs nothing else: figures inside, the numbers as tables."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import Any, Final

from monitor.evaluation.report import STRENGTHS, span

STYLE: Final = """
body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1c2733}
table{border-collapse:collapse;font-size:.85rem;margin:1rem 0}
th,td{padding:.2rem .7rem;text-align:right;border-bottom:1px solid #e4e7eb}
th:first-child,td:first-child{text-align:left} h2{margin-top:2.5rem} figure{margin:1rem 0}
svg{max-width:100%;height:auto} .table{overflow-x:auto} figcaption{color:#55606c;font-size:.85rem}
"""
CAPTIONS: Final = {
    "recall": "Attacks found of all, by kind and strength, under the shipped policy.",
    "latency": "Event time from the first malicious request to the alert; for a window, until it closed.",
    "false_alerts": "Incidents (24 hours) on keys that nobody misused. Steady keys are most of the fleet.",
    "tradeoff": "Every finding from a threshold on its score counts as an alert, whatever policy says.",
    "scores": "Scores of honest key-days that had a finding at all, and the highest score of each attack.",
    "peers": "Every contestant's threshold is set to the same false alert rate on the same corpora.",
}


def page(report: dict[str, Any], figures: dict[str, str], peers: dict[str, Any] | None = None) -> str:
    """The whole file."""
    body = [_summary(report)]
    body += [_figure(name, svg) for name, svg in figures.items()]
    body += [_recalls(report), _false_alerts(report["policy"]), _sweep(report["sweep"])]
    if peers:
        body.append(_peers(peers))
    body += [_missed(report["cases"]), _false_list(report["false_alerts"])]
    return (
        '<!doctype html>\n<html lang="en"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width"><title>keywatch evaluation</title>'
        f"<style>{STYLE}</style>\n<h1>keywatch evaluation</h1>\n" + "\n".join(body) + "\n</html>\n"
    )


def _summary(report: dict[str, Any]) -> str:
    policy = report["policy"]
    every = next(r for r in policy["recall"] if r["kind"] == "all attacks" and r["strength"] == "all")
    rate = policy["false_alerts"]["all after warm-up"]
    corpora = ", ".join(
        f"{c['name']} (seed {c['seed']}, {c['keys']} keys, {c['events']:,} events)" for c in report["corpora"]
    )
    return (
        f"<p>Corpora: {escape(corpora)}.</p><p>The shipped policy found {every['found']} of {every['of']} "
        f"attacks and alarmed {rate['count']} times for nothing in {rate['key_days']:,.0f} honest key-days "
        f"({rate['rate'] or 0:.1f} per 1,000). Precision {policy['precision']['share']:.0%}. Suspensions: "
        f"{policy['suspensions']['right']} right, {policy['suspensions']['wrong']} wrong.</p>"
    )


def _figure(name: str, svg: str) -> str:
    caption = CAPTIONS[name]
    return (
        f'<figure role="img" aria-label="{escape(caption)}">{svg}<figcaption>{caption}</figcaption></figure>'
    )


def _table(title: str, heads: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    head = "".join(f"<th>{escape(h)}</th>" for h in heads)
    lines = "".join("<tr>" + "".join(f"<td>{escape(str(c))}</td>" for c in row) + "</tr>\n" for row in rows)
    return f'<h2>{escape(title)}</h2><div class="table"><table><tr>{head}</tr>\n{lines}</table></div>'


def _recalls(report: dict[str, Any]) -> str:
    rows = []
    for row in report["policy"]["recall"]:
        if row["strength"] == "all":
            low, high = row["interval"]
            seconds, requests = row["median_seconds"], row["median_requests"]
            rows.append(
                (
                    row["kind"], *_by_strength(report["policy"]["recall"], row["kind"]),
                    f"{row['found'] / max(row['of'], 1):.0%}", f"{low:.0%}-{high:.0%}",
                    "" if requests is None else f"{requests:.0f}", "" if seconds is None else span(seconds),
                )
            )  # fmt: skip
    heads = ("attack", *STRENGTHS, "recall", "95 %", "requests", "until found")
    return _table("Found by policy (requests and time: medians of those found)", heads, rows)


def _by_strength(rows: list[dict[str, Any]], kind: str) -> list[str]:
    mine = {row["strength"]: row for row in rows if row["kind"] == kind}
    return [f"{mine[s]['found']}/{mine[s]['of']}" for s in STRENGTHS]


def _false_alerts(policy: dict[str, Any]) -> str:
    rows = []
    for group, row in policy["false_alerts"].items():
        low, high = row["interval"]
        change = policy["changes_alerted"].get(group)
        rate = "" if row["rate"] is None else f"{row['rate']:.1f}"
        alerted = f"{change['alerted']}/{change['of']}" if change else ""
        interval = f"{low:.1f}-{high or 0:.1f}"
        rows.append((group, row["count"], f"{row['key_days']:.0f}", rate, interval, alerted))
    heads = ("honest", "false alerts", "key-days", "per 1,000", "95 %", "changes alerted")
    return _table("False alerts by policy", heads, rows)


def _sweep(points: list[dict[str, Any]]) -> str:
    rows = [
        (kind, *(f"{p['recall'][kind][0] / max(p['recall'][kind][1], 1):.0%}" for p in points))
        for kind in points[0]["recall"]
    ]
    heads = ("attack", *(f"{p['rate']:g} per 1,000" for p in points))
    return _table("Recall at a false alert rate", heads, rows)


def _peers(peers: dict[str, Any]) -> str:
    names = [row["name"] for row in peers["contestants"]]
    kinds = peers["contestants"][0]["recall"]
    rows = [
        (kind, *("{}/{}".format(*row["recall"].get(kind, (0, 0))) for row in peers["contestants"]))
        for kind in kinds
    ]
    rows.append(("total", *(f"{row['total']:.0%}" for row in peers["contestants"])))
    rows.append(("us an event", *(f"{row['us_an_event']:.1f}" for row in peers["contestants"])))
    return _table(f"Recall at {peers['rate']:g} false alerts per 1,000 key-days", ("attack", *names), rows)


def _missed(cases: list[dict[str, Any]]) -> str:
    rows = [
        (c["kind"], c["strength"], c["corpus"], c["id"], ", ".join(c["keys"]), c["of_requests"])
        for c in sorted(cases, key=lambda c: (c["kind"], c["strength"]))
        if not c["found_by"]
    ]
    return _table(
        "Attacks missed by policy", ("attack", "strength", "corpus", "case", "keys", "requests"), rows
    )


def _false_list(alerts: list[dict[str, Any]]) -> str:
    rows = [(a["group"], a["habit"], a["corpus"], a["key"], a["detector"], a["score"]) for a in alerts]
    return _table("False alerts", ("group", "habit", "corpus", "key", "detector", "score"), rows)
