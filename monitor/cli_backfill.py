"""``keywatch backfill``: baselines from history, so that the daemon starts warm."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.console import Console
from rich.progress import Progress, TaskID

from monitor.checkpoint.base import NO_OFFSET
from monitor.cli_errors import exit_codes
from monitor.cli_options import Begin, Config, End, Files, Format, Geoip, Json, Kafka, utc

if TYPE_CHECKING:
    from monitor.backfill import Backfill
    from monitor.wiring_backfill import Begun


def backfill(
    files: Files = None,
    kafka: Kafka = False,
    begin: Begin = "",
    end: End = "",
    partitions: Annotated[
        int, typer.Option(min=0, help="Partitions of the topic, for files; 0: ask Kafka.")
    ] = 0,
    partitioner: Annotated[
        Literal["", "murmur2", "crc32"],
        typer.Option(help="How the producer places keys, for files; default: as recent records show."),
    ] = "",
    wire_format: Format = "",
    config: Config = None,
    geoip: Geoip = None,
    rejects: Annotated[Path | None, typer.Option(help="Write rejected records to this file.")] = None,
    as_json: Json = False,
) -> None:
    """Build baselines from history before the first `keywatch run`. Alerts nobody, suspends nothing."""
    from monitor.logs import Log
    from monitor.period import period
    from monitor.recording import recording, with_databases
    from monitor.wiring import CLOCK, check_redis, open_redis, read_config
    from monitor.wiring_backfill import begin_backfill

    with exit_codes():
        settings = with_databases(read_config(config), geoip)
        asked = recording(files or [], kafka, wire_format, settings, period(begin, end, CLOCK.now()))
        client = open_redis(settings)
        check_redis(settings, client, Log(CLOCK, "warning"))
        begun = begin_backfill(asked, client, partitions, partitioner, rejects)
        _read(begun.work)
        if not kafka:
            begun.work.close_windows()
        _write(begun)
    _tell(begun, as_json)


@contextmanager
def _bar(label: str, total: int) -> Iterator[tuple[Progress, TaskID]]:
    progress = Progress(console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty())
    with progress:
        yield progress, progress.add_task(label, total=total)


def _read(work: Backfill) -> None:
    with _bar("learning", work.source.progress()[1]) as (progress, bar):
        for _ in work.run():
            progress.update(bar, completed=work.source.progress()[0])


def _write(begun: Begun) -> None:
    """Partitions without any history too: their first offset is part of what was read."""
    from monitor.backfill_write import write

    with _bar("writing", begun.work.keys) as (progress, bar):
        for number, offset in begun.offsets.items():
            for rows in write(begun.store, begun.work.part(number), offset):
                progress.update(bar, advance=rows)


def _tell(begun: Begun, as_json: bool) -> None:
    if not as_json:
        for line in _lines(begun):
            typer.echo(line)
        return
    learned = begun.work.learned
    told = {
        "events": learned.events,
        "keys": begun.work.keys,
        "first_ms": learned.first_ms,
        "last_ms": learned.last_ms,
        "outside_period": learned.outside_period,
        "rejected": dict(sorted(learned.rejected.items())),
        "findings_not_sent": dict(sorted(learned.unsent.items())),
        "offsets": {str(number): offset for number, offset in begun.offsets.items()},
        "placed": begun.placed,
    }
    typer.echo(json.dumps(told))


def _lines(begun: Begun) -> Iterator[str]:
    learned = begun.work.learned
    span = f", {utc(learned.first_ms)} to {utc(learned.last_ms)} UTC" if learned.events else ""
    yield f"learned {learned.events:,} events of {begun.work.keys:,} keys{span}"
    if learned.outside_period:
        yield f"outside --from and --to: {learned.outside_period:,} events"
    yield f"rejected: {_counts(learned.rejected) or 'none'}"
    yield f"{len(begun.offsets)} partitions; keys placed by {begun.placed}"
    yield f"findings in this history, sent to nobody: {_counts(learned.unsent) or 'none'}"
    if all(offset == NO_OFFSET for offset in begun.offsets.values()):
        yield "keywatch run begins at the earliest record; what this history covers is not learned again"
    else:
        yield "keywatch run goes on at the next record of every partition"


def _counts(counted: dict[str, int]) -> str:
    return ", ".join(f"{count:,} {name}" for name, count in sorted(counted.items()))
