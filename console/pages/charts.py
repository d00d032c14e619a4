"""What charts are drawn from: numbers for the browser, words and tables for everybody."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from console.pages.showing import hour, number
from domain.overview import Minute
from domain.picture import HOUR_MS, KeyPicture


@dataclass(frozen=True, slots=True)
class Hour:
    """A row of the day's table."""

    start_ms: int
    seen: float | None
    usual: float
    low: float
    high: float

    @property
    def beyond(self) -> bool:
        """Whether more, or less, came than ever is usual."""
        return self.seen is not None and not self.low <= self.seen <= self.high


@dataclass(frozen=True, slots=True)
class Day:
    """The 24 hours of a picture. ``points`` is JSON for the browser, ``words`` says what it shows."""

    hours: Sequence[Hour]
    points: str
    words: str


def day_of(picture: KeyPicture) -> Day:
    """Requests an hour against the band where they usually are."""
    columns = zip(picture.actual, picture.expected, picture.low, picture.high, strict=True)
    hours = [
        Hour(picture.first_hour_ms + at * HOUR_MS, seen, usual, low, high)
        for at, (seen, usual, low, high) in enumerate(columns)
    ]
    seen = [None if h.beyond else h.seen for h in hours]
    points = {
        "at": [h.start_ms // 1000 for h in hours],
        "series": [
            {"name": "usually at least", "style": "low", "values": picture.low},
            {"name": "at most", "style": "high", "values": picture.high},
            {"name": "usual", "style": "usual", "values": picture.expected},
            {"name": "seen", "style": "seen", "values": seen},
            {"name": "seen, outside the usual range", "style": "beyond", "values": _beyond(hours)},
        ],
    }
    return Day(hours, json.dumps(points), _day_words(hours))


def _beyond(hours: Sequence[Hour]) -> list[float | None]:
    return [hour.seen if hour.beyond else None for hour in hours]


def _day_words(hours: Sequence[Hour]) -> str:
    beyond = [h for h in hours if h.beyond]
    known = [h for h in hours if h.seen is not None]
    if not known:
        return "Nothing is kept of the last 24 hours."
    if not beyond:
        return "All hours that are known were within the usual range."
    worst = max(beyond, key=lambda h: abs((h.seen or 0) - h.usual))
    return (
        f"{len(beyond)} of {len(known)} known hours were outside the usual range. The hour from "
        f"{hour(worst.start_ms)} UTC had {number(worst.seen or 0)} requests; usual is {number(worst.usual)} "
        f"({number(worst.low)} to {number(worst.high)})."
    )


@dataclass(frozen=True, slots=True)
class Traffic:
    """The last hour of all keys, by the minute."""

    minutes: Sequence[Minute]
    points: str
    words: str


def traffic_of(minutes: Sequence[Minute]) -> Traffic:
    """Events a second, and findings, minute by minute."""
    points = {
        "at": [minute.start_ms // 1000 for minute in minutes],
        "series": [
            {
                "name": "events a second",
                "style": "usual",
                "values": [round(m.events / 60, 2) for m in minutes],
            },
            {"name": "findings", "style": "seen", "scale": "count", "values": [m.findings for m in minutes]},
        ],
    }
    return Traffic(minutes, json.dumps(points), _traffic_words(minutes))


def _traffic_words(minutes: Sequence[Minute]) -> str:
    if not minutes:
        return "Nothing has been counted in the last hour."
    events = sum(minute.events for minute in minutes)
    busiest = max(minutes, key=lambda minute: minute.events)
    findings = sum(minute.findings for minute in minutes)
    return (
        f"{number(events)} events and {number(findings)} findings in {len(minutes)} minutes. "
        f"Busiest was {hour(busiest.start_ms)} UTC with {number(busiest.events / 60)} events a second."
    )
