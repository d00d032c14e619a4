"""The parts of a backfill."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from monitor.backfill import Backfill
from monitor.backfill_write import already_begun
from monitor.checkpoint.base import NO_OFFSET
from monitor.checkpoint.redis import RedisStateStore
from monitor.config import Config
from monitor.decode.base import Decoder, Limits
from monitor.period import Period
from monitor.placement import fitting, placer
from monitor.recording import Recording, letters_for
from monitor.source.base import Bounded, DeadLetters
from monitor.source.file import FileSource
from monitor.source.history import KafkaHistory, Stretch, stretches
from monitor.source.settings import KafkaSettings
from monitor.wiring import CLOCK, Client, engine_for, enricher_for
from monitor.wiring_formats import decoder_of
from monitor.wiring_history import history_for, history_settings

SAMPLE: Final = 500
"""Recent records a partition that show how the producer places keys."""


@dataclass(frozen=True, slots=True)
class Begun:
    """``offsets``: where the daemon shall begin in each partition. ``placed``: how keys got theirs."""

    work: Backfill
    store: RedisStateStore
    offsets: dict[int, int]
    placed: str


@dataclass(frozen=True, slots=True)
class Placement:
    """How keys find their partition, how many there are, and how that is known."""

    place: Callable[[str], int]
    partitions: int
    words: str


def begin_backfill(
    asked: Recording, client: Client, partitions: int, partitioner: str, rejects: Path | None
) -> Begun:
    """Everything but the reading and the writing.

    Raises ``Refused`` when any partition has a baseline already: nothing is read then.
    """
    config, letters = asked.config, letters_for(rejects)
    store = RedisStateStore(client, config.kafka.topic)
    if asked.files:
        placed = placement(config, partitions, partitioner)
        offsets = dict.fromkeys(range(placed.partitions), NO_OFFSET)
        _require_unbegun(store, offsets)
        work = _backfill(asked, FileSource(asked.files), letters, placed.place, asked.period)
        return Begun(work, store, offsets, placed.words)
    source = history_for(config, asked.period, config.kafka.poll_records)
    offsets = {number: each.stop for number, each in source.stretches.items()}
    _require_unbegun(store, offsets)
    # all records up to where the daemon begins, whatever their event time
    return Begun(_backfill(asked, source, letters, None, Period()), store, offsets, "the topic's own")


def _require_unbegun(store: RedisStateStore, partitions: Iterable[int]) -> None:
    for number in partitions:
        if store.begun(number):
            raise already_begun(store.topic, number)


def _backfill(
    asked: Recording,
    source: Bounded,
    letters: DeadLetters,
    place: Callable[[str], int] | None,
    period: Period,
) -> Backfill:
    config = asked.config
    return Backfill(
        source,
        _decoder(config, asked.wire_format),
        enricher_for(config),
        engine_for(config, config.kafka.topic),
        letters,
        place,
        period,
    )


def placement(config: Config, partitions: int, partitioner: str, before: Sequence[int] = ()) -> Placement:
    """0 partitions and an empty partitioner are asked of the topic, which had ``before`` partitions once."""
    if partitions and partitioner:
        return Placement(placer(partitioner, partitions), partitions, partitioner)
    settings = history_settings(config, config.kafka.poll_records)
    found = stretches(settings, Period())
    count = partitions or len(found)
    if partitioner:
        return Placement(placer(partitioner, count), count, partitioner)
    requests = recent_requests(settings, found, _decoder(config, config.kafka.format))
    name = fitting(requests, count, before)
    words = f"as {len(requests)} recent requests lie" if requests else "assumed, as the topic is empty"
    return Placement(placer(name, count), count, f"{name}, {words}")


def recent_requests(
    settings: KafkaSettings, found: dict[int, Stretch], decoder: Decoder
) -> list[tuple[str, int]]:
    """(key id, partition) of the last records of every partition."""
    source = KafkaHistory(settings, {number: each.last(SAMPLE) for number, each in found.items()})
    out: list[tuple[str, int]] = []
    while not source.finished:
        polled = source.poll(0.2)
        for number in polled.assigned:
            source.seek(number, None)
        for batch in polled.batches:
            columns = decoder.decode(batch.values, batch.offsets, batch.headers).columns
            out += [(key_id, batch.partition) for key_id in columns.key_id]
    source.close()
    return out


def _decoder(config: Config, wire_format: str) -> Decoder:
    """Checks times against the clock: a date far ahead would make all that comes after it late."""
    limits = Limits(max_future_s=config.detect.max_future_s, now=CLOCK.now)
    return decoder_of(config, wire_format, limits)
