"""What consumers tell of themselves every few seconds, for who looks at all of them together.

Only committed work is counted, so that what a rewind reads again counts once. Nothing rests on these
figures: a process that dies takes its last few seconds with it.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from domain.clock import Clock
from domain.redis_errors import redis_errors

MINUTES: Final = 60
KEPT_MS: Final = 86_400_000
"""A partition that nobody consumes is known to be silent for so long; later it is not known for how long."""


class Counted(NamedTuple):
    """Events, findings and rejected records."""

    events: int = 0
    findings: int = 0
    rejected: int = 0

    def plus(self, other: Counted) -> Counted:
        """Both together."""
        return Counted(*(a + b for a, b in zip(self, other, strict=True)))


NOTHING: Final = Counted()


@dataclass(slots=True)
class Tally:
    """Belongs to the consumer's thread; others read ``minutes`` (partition -> minute -> counts) and
    ``commits`` (partition -> epoch seconds) by copying. A few dictionary steps a batch.
    """

    minutes: dict[int, dict[int, Counted]] = field(default_factory=dict)
    commits: dict[int, float] = field(default_factory=dict)
    _pending: dict[int, Counted] = field(default_factory=dict)

    def seen(self, partition: int, events: int, findings: int, rejected: int) -> None:
        """A batch was read; it counts once it is committed."""
        pending = self._pending.get(partition, NOTHING)
        self._pending[partition] = pending.plus(Counted(events, findings, rejected))

    def forget(self, partition: int) -> None:
        """What was not committed will be read again."""
        self._pending.pop(partition, None)

    def committed(self, partition: int, now_s: float) -> None:
        """Count what was read since the last commit, in this minute."""
        minute = int(now_s // 60)
        counted = self.minutes.setdefault(partition, {})
        counted[minute] = counted.get(minute, NOTHING).plus(self._pending.pop(partition, NOTHING))
        self.commits[partition] = now_s
        for old in [m for m in counted if m <= minute - MINUTES] if len(counted) > MINUTES else ():
            del counted[old]


@dataclass(frozen=True, slots=True)
class PartitionPulse:
    """What was told of a partition; None for a partition nobody told of. ``minutes`` by minute number."""

    partition: int
    told_ms: int | None
    lag: int | None
    committed_ms: int | None
    minutes: Mapping[int, Counted]


class Pulses:
    """A hash a partition, ``kw:{topic:partition}:pulse``. Each process writes fields of its own, whole, so
    that a repeated or a late call does no harm.
    """

    def __init__(self, client: Any, topic: str, clock: Clock) -> None:
        self._redis = client
        self._topic = topic
        self._clock = clock
        self._writer = secrets.token_hex(4)
        self._told: dict[int, int] = {}

    @redis_errors("pulse")
    def tell(self, tally: Tally, lag: Mapping[int, int], held: Iterable[int]) -> None:
        """Of the partitions ``held``: one round trip, and another when a minute begins."""
        now_ms = int(self._clock.now() * 1000)
        held = sorted(held)
        pipe = self._redis.pipeline(transaction=False)
        for partition in held:
            pipe.hset(self._key(partition), mapping=self._fields(partition, tally, lag, now_ms))
            pipe.pexpire(self._key(partition), KEPT_MS)
        if held:
            pipe.execute()
        self._tidy([n for n in held if self._told.get(n) != now_ms // 60_000], now_ms // 60_000)

    def _fields(
        self, partition: int, tally: Tally, lag: Mapping[int, int], now_ms: int
    ) -> dict[str, str | int]:
        since = self._told.get(partition, 0) - 1
        minutes = tally.minutes.get(partition, {}).copy()
        fields: dict[str, str | int] = {
            f"{minute} {self._writer}": " ".join(map(str, counted))
            for minute, counted in minutes.items()
            if minute >= since
        }
        fields |= {"told": now_ms}
        if partition in lag:
            fields["lag"] = lag[partition]
        if partition in tally.commits:
            fields["committed"] = int(tally.commits[partition] * 1000)
        return fields

    def _tidy(self, partitions: Sequence[int], minute: int) -> None:
        """Remove minutes of long ago, whoever wrote them."""
        names = self._each(partitions, "hkeys")
        pipe = self._redis.pipeline(transaction=False)
        for partition, found in zip(partitions, names, strict=True):
            self._told[partition] = minute
            if old := [name for name in found if (at := _minute(name)) is not None and at < minute - MINUTES]:
                pipe.hdel(self._key(partition), *old)
        pipe.execute()

    @redis_errors("pulse")
    def read(self, partitions: Sequence[int]) -> list[PartitionPulse]:
        """One round trip; on Redis Cluster one a node."""
        found = self._each(partitions, "hgetall")
        return [_pulse(number, fields) for number, fields in zip(partitions, found, strict=True)]

    def _each(self, partitions: Sequence[int], command: str) -> list[Any]:
        pipe = self._redis.pipeline(transaction=False)
        for partition in partitions:
            getattr(pipe, command)(self._key(partition))
        answers: list[Any] = pipe.execute() if partitions else []
        return answers

    def _key(self, partition: int) -> str:
        return f"kw:{{{self._topic}:{partition}}}:pulse"


def _minute(name: bytes) -> int | None:
    minute, space, _ = name.partition(b" ")
    return int(minute) if space else None


def _pulse(number: int, fields: Mapping[bytes, bytes]) -> PartitionPulse:
    minutes: dict[int, Counted] = {}
    for minute, counted in _minutes(fields):
        minutes[minute] = minutes.get(minute, NOTHING).plus(counted)
    told, lag, committed = (
        int(raw) if (raw := fields.get(name)) is not None else None
        for name in (b"told", b"lag", b"committed")
    )
    return PartitionPulse(number, told, lag, committed, minutes)


def _minutes(fields: Mapping[bytes, bytes]) -> Iterator[tuple[int, Counted]]:
    for name, value in fields.items():
        if (minute := _minute(name)) is not None:
            yield minute, Counted(*map(int, value.split()))
