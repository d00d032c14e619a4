"""Requests of one party with one key, as columns: when, from where, with what, for what."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt

from sample_streams.corpus.api import Mix

Rng = np.random.Generator
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

HOUR: Final = 60.0
DAY: Final = 1440.0
MINUTE_MS: Final = 60_000
HOURS_OF_WEEK: Final = 168
FLAT: Final = np.ones(HOURS_OF_WEEK)


@dataclass(frozen=True, slots=True)
class Source:
    """A block of the plan with its share; the party uses ``networks`` of it from number ``first`` on."""

    block: str
    weight: float = 1.0
    networks: int = 1
    hosts: int = 3
    first: int = 0


@dataclass(frozen=True, slots=True)
class Cron:
    """``requests`` about every ``every_min`` minutes, a second or so apart, at the same second each time.

    ``at_min`` shifts the first run; ``spread`` is the relative deviation of the requests a run.
    """

    every_min: float
    requests: float
    at_min: float = 0.0
    gap_s: float = 0.4
    spread: float = 0.1


@dataclass(frozen=True, slots=True)
class Trouble:
    """From ``start`` to ``end`` (minutes) a ``share`` of the answers is ``status``."""

    start: float
    end: float
    status: int
    share: float


@dataclass(frozen=True, slots=True)
class Traffic:
    """``per_minute`` requests on average in full hours, over ``sources`` and ``clients`` by weight.

    ``week`` (168,) is the level by hour of the week in UTC. ``burst`` and ``hourly`` are gamma shapes of
    the minute's and the hour's rate: small is restless. ``session`` is the mean minutes of work and of
    pause. ``boosts`` are (start, end, factor) in minutes, factor 0 is silence; ``ramp`` grows the rate
    linearly from 0 to its end. ``every_s`` makes a clockwork. ``pool`` is how many objects are asked for,
    the first ones most; ``walks`` asks for one after the other. ``statuses`` are (status, share).
    """

    key_id: str
    tenant: str
    per_minute: float
    sources: tuple[Source, ...]
    clients: tuple[tuple[str, float], ...]
    calls: Mix
    week: Floats = field(default_factory=lambda: FLAT)
    burst: float = 4.0
    hourly: float = 12.0
    session: tuple[float, float] | None = None
    cron: Cron | None = None
    every_s: float = 0.0
    pool: int = 2000
    walks: bool = False
    statuses: tuple[tuple[int, float], ...] = ((404, 0.004), (500, 0.001))
    troubles: tuple[Trouble, ...] = ()
    bytes_factor: float = 1.0
    start: float = 0.0
    end: float = 14 * DAY
    boosts: tuple[tuple[float, float, float], ...] = ()
    ramp: bool = False
    moves_every_min: float = 0.0
    """A traveller: all requests of such a stretch come from one source."""

    def times(self, rng: Rng) -> Ints:
        """Milliseconds since the corpus began, in order."""
        if self.cron is not None:
            return self._kept(rng, self._cron_times(rng, self.cron))
        if self.every_s:
            n = int((self.end - self.start) * 60 / self.every_s)
            beat = self.start * MINUTE_MS + np.arange(n) * self.every_s * 1000
            return (beat + rng.normal(0, 15, n)).astype(np.int64)
        minutes = np.arange(int(self.start), max(int(self.end), int(self.start) + 1))
        counts = rng.poisson(self._rate(rng, minutes))
        times = np.repeat(minutes, counts) * MINUTE_MS + rng.integers(0, MINUTE_MS, counts.sum())
        return np.sort(times)

    def _rate(self, rng: Rng, minutes: Ints) -> Floats:
        hours = minutes // 60
        rate = self.per_minute * self.week[hours % HOURS_OF_WEEK]
        rate = rate * rng.gamma(self.hourly, 1 / self.hourly, int(hours[-1] - hours[0]) + 1)[hours - hours[0]]
        rate = rate * rng.gamma(self.burst, 1 / self.burst, len(minutes))
        if self.session is not None:
            rate = rate * _working(rng, minutes, self.session)
        if self.ramp:
            rate = rate * np.maximum(minutes - self.start, 0) / (self.end - self.start)
        for start, end, factor in self.boosts:
            rate = np.where((minutes >= start) & (minutes < end), rate * factor, rate)
        return rate

    def _cron_times(self, rng: Rng, cron: Cron) -> Ints:
        first = self.start + (cron.at_min - self.start) % cron.every_min
        runs = np.arange(first, self.end, cron.every_min)
        sizes = np.maximum(
            np.round(cron.requests * (1 + cron.spread * rng.normal(size=len(runs)))), 1
        ).astype(int)
        place = np.concatenate([np.arange(n) for n in sizes]) if len(runs) else np.zeros(0)
        late = np.repeat(rng.exponential(1.5, len(runs)), sizes)
        steps = place * cron.gap_s * rng.uniform(0.8, 1.2, len(place))
        return ((np.repeat(runs, sizes) * 60 + late + steps) * 1000).astype(np.int64)

    def _kept(self, rng: Rng, times: Ints) -> Ints:
        """What the boosts leave: below 1 they thin, above they repeat."""
        factor = np.ones(len(times))
        for start, end, by in self.boosts:
            inside = (times >= start * MINUTE_MS) & (times < end * MINUTE_MS)
            factor = np.where(inside, factor * by, factor)
        copies = np.floor(factor + rng.random(len(times))).astype(int)
        return np.sort(np.repeat(times, copies) + rng.integers(0, 50, int(copies.sum())))


def _working(rng: Rng, minutes: Ints, session: tuple[float, float]) -> Floats:
    """1 in sessions of work, 0 in the pauses, scaled so that the mean stays."""
    work, rest = session
    n = int(3 * len(minutes) / (work + rest)) + 10
    spans = np.column_stack([rng.exponential(rest, n), rng.exponential(work, n)]).ravel()
    state = np.searchsorted(np.cumsum(spans), minutes - minutes[0], side="right") % 2
    return state * (work + rest) / work


def waves(depth: float, busiest: float, weekend: float = 1.0) -> Floats:
    """A daily wave (168,): ``busiest`` hour in UTC, 1 + ``depth`` there; ``weekend`` is a factor."""
    hours = np.arange(HOURS_OF_WEEK)
    level: Floats = 1 + depth * np.cos((hours - busiest) * np.pi / 12)
    return np.where(hours // 24 >= 5, level * weekend, level)


def office_hours(shift: int, opens: int = 8, closes: int = 18, edge: float = 0.1) -> Floats:
    """Monday to Friday (168,), local time being ``shift`` hours ahead of UTC; ``edge`` an hour around."""
    level = np.zeros(HOURS_OF_WEEK)
    for day in range(5):
        for hour in range(opens - 1, closes + 1):
            inside = opens <= hour < closes
            level[(24 * day + hour - shift) % HOURS_OF_WEEK] = (
                (0.6 if hour == 12 else 1.0) if inside else edge
            )
    return level
