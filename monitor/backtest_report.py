"""A comparison of two policies for people: on the terminal, and as one HTML file."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape as quoted

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from monitor.backtest import SUSPEND, Change, Comparison, KeyOutcome
from monitor.cli_options import utc

_COUNTS = (
    ("messages sent", "alerts"),
    ("keys suspended", "suspended"),
    ("keys a dry run would suspend", "would_suspend"),
    ("suspensions held back", "held_back"),
    ("findings only observed", "observed"),
    ("findings", "findings"),
)
_KEY_HEAD = ("key", "tenant", "action", "first (UTC)", "messages", "rule", "why")
_CHANGE_HEAD = ("key", "differs in", "old", "new")

_PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>keywatch backtest</title>
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 70rem; padding: 0 1rem;
  color: #1a1a1a; background: #fff }}
table {{ border-collapse: collapse; margin: .5rem 0 2rem; width: 100% }}
th, td {{ border-bottom: 1px solid #767676; padding: .3rem .6rem; text-align: left; vertical-align: top }}
</style>
<h1>{title}</h1>
<p>{period}</p>
{body}
</html>
"""


def print_comparison(found: Comparison, console: Console) -> None:
    """Counts, then the keys that one policy alone speaks of, then those treated differently."""
    console.print(period_line(found), highlight=False)
    for title, head, rows in _sections(found):
        console.print(f"\n[bold]{escape(title)}[/]")
        table = Table(*map(escape, head), box=None)
        for row in rows:
            table.add_row(*map(escape, row))
        console.print(table)
    console.print(f"\n{same_line(found)}", highlight=False)


def html_page(found: Comparison) -> str:
    """One HTML document that needs nothing else."""
    body = [_html_section(*section) for section in _sections(found)]
    return _PAGE.format(
        title=quoted(f"Backtest: {found.new.name} against {found.old.name}"),
        period=quoted(period_line(found)),
        body="\n".join([*body, f"<p>{quoted(same_line(found))}</p>"]),
    )


def _html_section(title: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    heads = "".join(f'<th scope="col">{quoted(cell)}</th>' for cell in head)
    lines = "\n".join(f"<tr>{''.join(f'<td>{quoted(cell)}</td>' for cell in row)}</tr>" for row in rows)
    return f"<h2>{quoted(title)}</h2>\n<table><thead><tr>{heads}</tr></thead>\n<tbody>{lines}</tbody></table>"


def period_line(found: Comparison) -> str:
    """What was compared, in one line."""
    begin = utc(found.from_ms) if found.from_ms else "the beginning"
    end = utc(found.to_ms) if found.to_ms else "the end"
    return f"{found.new.name} against {found.old.name}, {begin} to {end}, {found.new.events:,} events read"


def same_line(found: Comparison) -> str:
    """How many keys need no look."""
    return f"{found.same} more keys are treated alike by both"


def _sections(found: Comparison) -> list[tuple[str, Sequence[str], list[Sequence[str]]]]:
    counts: list[Sequence[str]] = [
        (label, f"{getattr(found.old, name):,}", f"{getattr(found.new, name):,}") for label, name in _COUNTS
    ]
    out: list[tuple[str, Sequence[str], list[Sequence[str]]]] = [
        ("Counts", ("", found.old.name, found.new.name), counts)
    ]
    for outcome, keys in ((found.old, found.only_old), (found.new, found.only_new)):
        if keys:
            out.append((f"Only with {outcome.name}", _KEY_HEAD, [_key_row(key) for key in keys]))
    if found.changed:
        rows = [_change_row(change) for change in found.changed]
        out.append(("With both, but differently", (*_CHANGE_HEAD[:2], found.old.name, found.new.name), rows))
    return out


def _key_row(key: KeyOutcome) -> Sequence[str]:
    why = f"{key.why}; held back: {key.held_back}" if key.held_back else key.why
    return key.key_id, key.tenant, key.action, utc(key.first_ms), str(key.alerts), key.rule, why


def _change_row(change: Change) -> Sequence[str]:
    names = {"first_ms": "time", "suspended_ms": "time of suspension", "held_back": "guards"}
    what = ", ".join(names.get(name, name) for name in change.what)
    return change.key_id, what, _told(change.old), _told(change.new)


def _told(key: KeyOutcome) -> str:
    parts = [f"{key.action}, first {utc(key.first_ms)}"]
    if key.suspended_ms is not None:
        verb = "stopped" if key.action == SUSPEND else "would be stopped"
        parts.append(f"{verb} {utc(key.suspended_ms)}")
    parts.append(f"{key.alerts} messages in {key.cases} cases")
    if key.held_back:
        parts.append(f"held back: {key.held_back}")
    return "; ".join(parts)
