"""A case: what is done to a key, or with it, from a certain minute on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Final

from sample_streams.corpus.api import Mix
from sample_streams.corpus.habits import Key
from sample_streams.corpus.plan import named
from sample_streams.corpus.traffic import FLAT, HOUR, Rng, Source, Traffic

STRENGTHS: Final = ("weak", "medium", "strong")


@dataclass(frozen=True, slots=True)
class Scene:
    """Who it happens to and when. ``level`` is 0 weak, 1 medium, 2 strong; ``others`` are more keys for
    cases of several; minutes count from the corpus' start, which ends at ``last``."""

    rng: Rng
    key: Key
    level: int
    start: float
    last: float
    others: tuple[Key, ...] = ()

    @property
    def base(self) -> Traffic:
        """What the key does by itself."""
        return self.key.traffic

    def by_level(self, weak: Any, medium: Any, strong: Any) -> Any:
        """The value of this strength."""
        return (weak, medium, strong)[self.level]

    def abroad(self, kind: str = "hosting") -> Source:
        """A block of a kind in a country that the key is not used from."""
        own = {s.block.partition("-")[2][:2] for s in self.base.sources} | {self.key.country}
        blocks = [b for b in named(kind) if b.partition("-")[2][:2] not in own]
        return self.one(blocks)

    def nearby(self, kind: str = "hosting") -> Source:
        """A block of a kind in the key's own country, else abroad."""
        blocks = named(kind, self.key.country)
        return self.one(blocks) if blocks else self.abroad(kind)

    def one(self, blocks: list[str]) -> Source:
        """One address of one of the blocks."""
        return Source(str(self.rng.choice(blocks)), 1.0, 1, 1, int(self.rng.integers(24)))

    def requests(self, n: float, minutes: float, **changes: Any) -> Traffic:
        """About ``n`` requests over ``minutes`` from the start on; as the key's own but for ``changes``."""
        plain = {
            "week": FLAT,
            "session": None, "cron": None, "boosts": (), "troubles": (), "moves_every_min": 0.0,
            "burst": 2.0, "hourly": 20.0, "ramp": False,
            "per_minute": n / minutes, "start": self.start, "end": min(self.start + minutes, self.last),
        }  # fmt: skip
        return replace(self.base, **(plain | changes))


@dataclass(frozen=True, slots=True)
class Plot:
    """The traffic of a case. ``end`` is the minute of its last act; ``stopped`` are (key id, minute)."""

    honest: tuple[Traffic, ...]
    malicious: tuple[Traffic, ...] = ()
    end: float = 0.0
    stopped: tuple[tuple[str, float], ...] = ()
    honey: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Script:
    """How a kind of case is made, and which keys it can happen to.

    ``fits`` says whether a key will do; ``others`` is how many more keys each strength takes;
    ``busy`` starts it in the key's own hours, ``latest`` is the least minutes left before the end.
    """

    make: Callable[[Scene], Plot]
    habits: tuple[str, ...] = ()
    fits: Callable[[Key], bool] = field(default=lambda _key: True)
    others: tuple[int, int, int] = (0, 0, 0)
    busy: bool = False
    latest: float = 12 * HOUR


def theft(scene: Scene, *malicious: Traffic) -> Plot:
    """The owner goes on as ever while somebody else acts."""
    return Plot((scene.base,), malicious, max(t.end for t in malicious))


def silenced(traffic: Traffic, start: float, end: float) -> Traffic:
    """The same without its requests between two minutes."""
    return replace(traffic, boosts=(*traffic.boosts, (start, end, 0.0)))


def boosted(traffic: Traffic, start: float, end: float, factor: float) -> Traffic:
    """The same with ``factor`` times the requests between two minutes."""
    return replace(traffic, boosts=(*traffic.boosts, (start, end, factor)))


def average(key: Key) -> float:
    """Requests a minute over the whole week."""
    traffic = key.traffic
    if traffic.cron is not None:
        return traffic.cron.requests / traffic.cron.every_min
    return traffic.per_minute * float(traffic.week.mean())


def busy_rate(key: Key) -> float:
    """Requests a minute in full hours."""
    return average(key) if key.traffic.cron else key.traffic.per_minute


def reads_only(key: Key) -> bool:
    """Whether it never writes."""
    return not any(call.writes for call in key.traffic.calls)


def mixed(own: Mix, other: Mix, share: float) -> Mix:
    """The key's mix with ``share`` of the requests to other endpoints."""
    own_weight, other_weight = sum(c.weight for c in own), sum(c.weight for c in other)
    return (
        *(replace(c, weight=c.weight / own_weight * (1 - share)) for c in own),
        *(replace(c, weight=c.weight / other_weight * share) for c in other),
    )
