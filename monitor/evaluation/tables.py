"""A report's tables as text, the same for a terminal, a page and a document."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

STRENGTHS: Final = ("weak", "medium", "strong")


@dataclass(frozen=True, slots=True)
class Grid:
    """A title, heads and rows of cells."""

    title: str
    heads: Sequence[str]
    rows: Sequence[tuple[str, ...]]


def found(policy: dict[str, Any]) -> Grid:
    """Recall and latency by kind and strength."""
    rows = []
    for kind in dict.fromkeys(row["kind"] for row in policy["recall"]):
        mine = {row["strength"]: row for row in policy["recall"] if row["kind"] == kind}
        every, requests, seconds = mine["all"], mine["all"]["median_requests"], mine["all"]["median_seconds"]
        low, high = every["interval"]
        cells = (
            *(f"{mine[s]['found']}/{mine[s]['of']}" for s in STRENGTHS),
            share((every["found"], every["of"])),
            f"{low:.0%}-{high:.0%}",
            "" if requests is None else f"{requests:.0f}",
            "" if seconds is None else span(seconds),
        )
        rows.append((kind, *cells))
    heads = ("attack", *STRENGTHS, "recall", "95 %", "requests", "until found")
    return Grid("Found by policy (requests and time: medians of those found)", heads, rows)


def honest(policy: dict[str, Any]) -> Grid:
    """False alerts by group."""
    rows = []
    for group, row in policy["false_alerts"].items():
        low, high = row["interval"]
        change = policy["changes_alerted"].get(group)
        cells = (
            str(row["count"]),
            f"{row['key_days']:,.0f}",
            "" if row["rate"] is None else f"{row['rate']:.1f}",
            f"{low:.1f}-{high or 0:.1f}",
            f"{change['alerted']}/{change['of']}" if change else "",
        )
        rows.append((group, *cells))
    heads = ("honest", "false alerts", "key-days", "per 1,000", "95 %", "changes alerted")
    return Grid("False alerts by policy", heads, rows)


def swept(points: list[dict[str, Any]]) -> Grid:
    """Recall by kind at several false alert rates."""
    rows = [(kind, *(share(p["recall"][kind]) for p in points)) for kind in points[0]["recall"]]
    thresholds = ("none" if p["threshold"] is None else f"{p['threshold']:.1f}" for p in points)
    heads = ("attack", *(f"{p['rate']:g} /1,000" for p in points))
    return Grid(
        "Recall at a false alert rate (threshold on the score)", heads, [*rows, ("threshold", *thresholds)]
    )


def compared(peers: dict[str, Any]) -> Grid:
    """Recall by kind of every contestant; what ``benchmarks.peers`` writes."""
    rows = peers["contestants"]
    own = [row["published"] for row in rows]
    lines = [(kind, *(share(row["recall"].get(kind, (0, 0))) for row in rows)) for kind in rows[0]["recall"]]
    lines.append((f"all but {' and '.join(peers['apart'])}", *(f"{row['total']:.0%}" for row in rows)))
    lines.append(
        ("at its own threshold", *(f"{p['recall']:.0%} at {p['rate']:.0f}" if p else "" for p in own))
    )
    lines.append(("microseconds an event", *(f"{row['us_an_event']:.1f}" for row in rows)))
    title = f"Recall at {peers['rate']:g} false alerts per 1,000 key-days"
    return Grid(title, ("attack", *(row["name"] for row in rows)), lines)


def share(counts: Sequence[int]) -> str:
    """Found of all as a percentage, "" for none.

    >>> share((2, 3)), share((0, 0))
    ('67%', '')
    """
    hits, of = counts
    return f"{hits / of:.0%}" if of else ""


def span(seconds: float) -> str:
    """Seconds as people say them.

    >>> span(42), span(600), span(9000)
    ('42 s', '10 min', '2.5 h')
    """
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
