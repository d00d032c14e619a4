"""An evaluation's figures as SVG. Needs the extra ``charts``."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from domain.errors import Fatal, Reason
from monitor.evaluation.tables import STRENGTHS

try:
    import matplotlib as mpl
    from matplotlib.figure import Figure
except ImportError as error:  # pragma: no cover
    raise Fatal(Reason.CONFIG, "charts need matplotlib: pip install 'keywatch[charts]'") from error

OURS, OTHERS, HONEST, ATTACK = "#1f5fa8", "#9aa4af", "#9aa4af", "#c2452d"
STYLE: Final[dict[Any, Any]] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "keywatch",
    "font.family": "sans-serif",
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 10,
    "axes.titlelocation": "left",
    "figure.constrained_layout.use": True,
}
ROW_INCHES: Final = 0.24


def figures(report: dict[str, Any], peers: dict[str, Any] | None = None) -> dict[str, str]:
    """Name -> SVG, of every figure the report has data for. Same report, same bytes."""
    out = {
        "recall": recall(report["policy"]["recall"]),
        "latency": latency(report["cases"]),
        "false_alerts": false_alerts(report["policy"]["false_alerts"]),
        "tradeoff": tradeoff(report["sweep"]),
        "scores": scores(report["scores"]),
    }
    return out | ({"peers": versus(peers)} if peers else {})


@contextmanager
def _figure(width: float, height: float) -> Iterator[tuple[Figure, Any, list[str]]]:
    """A figure with one pair of axes; the SVG is in the list when the block ends."""
    out: list[str] = []
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(width, height))
        yield figure, figure.subplots(), out
        text = io.StringIO()
        figure.savefig(text, format="svg", metadata={"Date": None, "Creator": None})
        out.append(text.getvalue()[text.getvalue().index("<svg") :])


def recall(rows: list[dict[str, Any]]) -> str:
    """Found of all, by kind and strength, under the shipped policy."""
    kinds = list(dict.fromkeys(row["kind"] for row in rows))
    cell = {(row["kind"], row["strength"]): (row["found"], row["of"]) for row in rows}
    columns = (*STRENGTHS, "all")
    with _figure(6.2, 0.9 + ROW_INCHES * len(kinds)) as (_, axes, out):
        counts = [[cell[kind, strength] for strength in columns] for kind in kinds]
        _heat(axes, kinds, list(columns), counts)
        axes.set_title("Attacks found by the shipped policy")
    return out[0]


def versus(peers: dict[str, Any]) -> str:
    """Recall by kind of every contestant at the same false alert rate."""
    rows = peers["contestants"]
    kinds = list(rows[0]["recall"])
    names = [row["name"].replace(" (", "\n(") for row in rows]
    counts = [[row["recall"].get(kind, (0, 0)) for row in rows] for kind in kinds]
    with _figure(1.6 + 0.95 * len(rows), 1.3 + ROW_INCHES * len(kinds)) as (_, axes, out):
        _heat(axes, kinds, names, counts)
        axes.set_title(f"Recall at {peers['rate']:g} false alerts per 1,000 key-days")
    return out[0]


def _heat(axes: Any, rows: list[str], columns: list[str], counts: list[list[Any]]) -> None:
    """Shares as a blue scale, with the numbers in the cells; a cell where nothing was found is empty."""
    shares = [[found / of if of else float("nan") for found, of in line] for line in counts]
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1.15, aspect="auto")
    axes.set_xticks(range(len(columns)), columns, fontsize=8)
    axes.set_yticks(range(len(rows)), rows)
    axes.tick_params(length=0, top=True, labeltop=True, bottom=False, labelbottom=False)
    axes.spines[:].set_visible(False)
    for y, line in enumerate(counts):
        for x, (found, of) in enumerate(line):
            if found:
                colour = "white" if found / of > 0.6 else "#333333"
                axes.text(x, y, f"{found}/{of}", ha="center", va="center", color=colour, fontsize=7.5)


def latency(cases: list[dict[str, Any]]) -> str:
    """Time until found, of every attack that was."""
    found = [case for case in cases if case["found_by"]]
    kinds = sorted({case["kind"] for case in cases}, reverse=True)
    with _figure(6.6, 0.9 + ROW_INCHES * len(kinds)) as (_, axes, out):
        for strength, shade in zip(STRENGTHS, ("#9dc3e6", "#4f8fce", "#123f73"), strict=True):
            mine = [case for case in found if case["strength"] == strength]
            x = [max(case["seconds"], 1.0) for case in mine]
            y = [kinds.index(case["kind"]) for case in mine]
            axes.scatter(x, y, s=22, color=shade, label=strength, edgecolors="white", linewidths=0.4)
        axes.set_xscale("log")
        axes.set_xlim(0.7, 4e5)
        axes.set_xticks([1, 60, 3600, 86400], ["at once", "1 min", "1 h", "1 day"])
        axes.minorticks_off()
        axes.set_yticks(range(len(kinds)), kinds)
        axes.grid(axis="x", color="#e4e7eb")
        axes.set_axisbelow(True)
        axes.legend(frameon=False, ncols=3, loc="upper right", bbox_to_anchor=(1, -0.05), fontsize=8)
        axes.set_title("From the first malicious request to the alert")
    return out[0]


def false_alerts(groups: dict[str, Any]) -> str:
    """False alerts per 1,000 key-days in every honest group, with 95 % intervals."""
    names = sorted(groups, key=lambda name: (groups[name]["rate"] or 0.0, name))
    with _figure(6.6, 1.0 + ROW_INCHES * len(names)) as (_, axes, out):
        for y, name in enumerate(names):
            row = groups[name]
            low, high = row["interval"]
            colour = OURS if row["key_days"] >= 300 else OTHERS
            axes.plot([low, high], [y, y], color=colour, linewidth=1.5, alpha=0.6)
            axes.plot([row["rate"] or 0.0], [y], "o", color=colour, markersize=5)
        axes.set_xscale("symlog", linthresh=1)
        axes.set_xticks([0, 1, 10, 100, 1000], ["0", "1", "10", "100", "1,000"])
        axes.set_yticks(range(len(names)), [f"{n} ({groups[n]['count']})" for n in names])
        axes.grid(axis="x", color="#e4e7eb")
        axes.set_axisbelow(True)
        axes.set_title("False alerts per 1,000 key-days, 95 % intervals\n(grey: few key-days)")
    return out[0]


def tradeoff(points: list[dict[str, Any]]) -> str:
    """Recall over the false alert rate, as the threshold on findings' scores moves."""
    with _figure(4.6, 3.2) as (_, axes, out):
        share = [
            point["recall"]["all attacks"][0] / max(point["recall"]["all attacks"][1], 1) for point in points
        ]
        rates = [point["rate"] for point in points]
        axes.plot(rates, share, "o-", color=OURS, markersize=4)
        for rate, value in zip(rates, share, strict=True):
            axes.annotate(
                f"{value:.0%}", (rate, value), (0, 6), textcoords="offset points", ha="center", fontsize=8
            )
        axes.set_xscale("log")
        axes.set_xticks(rates, [f"{rate:g}" for rate in rates])
        axes.minorticks_off()
        axes.set_ylim(0, 1.08)
        axes.set_yticks([0, 0.5, 1], ["0", "50 %", "100 %"])
        axes.grid(color="#e4e7eb")
        axes.set_xlabel("false alerts per 1,000 key-days")
        axes.set_title("Attacks found")
    return out[0]


def scores(found: dict[str, list[float]]) -> str:
    """The highest score of honest key-days that have a finding, and of attacks."""
    bins = [0.5 * step for step in range(0, 61)]
    with _figure(5.6, 3.0) as (_, axes, out):
        for name, colour in (("honest", HONEST), ("attack", ATTACK)):
            values = [min(value, bins[-1] - 0.1) for value in found[name]]
            axes.hist(values, bins, color=colour, alpha=0.75, label=name)
        axes.set_yscale("symlog", linthresh=1)
        axes.set_xlabel("score: rarity of such a day for the key, in bits (the last bar: more, or proof)")
        axes.set_ylabel("key-days; attacks")
        axes.legend(frameon=False)
        axes.set_title("Highest score of a key's day")
    return out[0]
