"""The evaluation as one HTML file that needs nothing else: figures inside, the numbers as tables."""

from __future__ import annotations

from html import escape
from typing import Any, Final

from monitor.evaluation.tables import Grid, compared, found, honest, swept

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
    grids = [found(report["policy"]), honest(report["policy"]), swept(report["sweep"])]
    grids += [compared(peers)] if peers else []
    grids += [_missed(report["cases"]), _false_list(report["false_alerts"])]
    body += [_table(grid) for grid in grids]
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


def _table(grid: Grid) -> str:
    head = "".join(f"<th>{escape(h)}</th>" for h in grid.heads)
    lines = "".join("<tr>" + "".join(f"<td>{escape(c)}</td>" for c in row) + "</tr>\n" for row in grid.rows)
    return f'<h2>{escape(grid.title)}</h2><div class="table"><table><tr>{head}</tr>\n{lines}</table></div>'


def _missed(cases: list[dict[str, Any]]) -> Grid:
    rows = [
        (c["kind"], c["strength"], c["corpus"], c["id"], ", ".join(c["keys"]), str(c["of_requests"]))
        for c in sorted(cases, key=lambda c: (c["kind"], c["strength"]))
        if not c["found_by"]
    ]
    heads = ("attack", "strength", "corpus", "case", "keys", "requests")
    return Grid("Attacks missed by policy", heads, rows)


def _false_list(alerts: list[dict[str, Any]]) -> Grid:
    rows = [(a["group"], a["habit"], a["corpus"], a["key"], a["detector"], str(a["score"])) for a in alerts]
    return Grid("False alerts", ("group", "habit", "corpus", "key", "detector", "score"), rows)
