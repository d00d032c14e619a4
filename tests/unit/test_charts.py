"""Pictures for people: drawn without a display, whatever the key is called, and with words beside them."""

from __future__ import annotations

import struct

import pytest

from alerting.charts.day import day_chart, day_words
from alerting.charts.map import map_words, world_map
from alerting.charts.pictures import AlertPictures, spots_of
from alerting.notifiers.sparkline import day_lines
from domain.picture import KeyPicture, Spot
from tests.alerts import alert

HOSTILE = "$\\frac{1}{0}$ <b> \x1b[2J \u202e" * 5


def picture(**different: object) -> KeyPicture:
    values: dict[str, object] = {
        "at_ms": 1,
        "first_hour_ms": 1_780_000_000_000,
        "expected": [40.0] * 24,
        "low": [20.0] * 24,
        "high": [80.0] * 24,
        "actual": [None] * 20 + [41.0, 39.0, 44.0, 900.0],
        **different,
    }
    return KeyPicture(**values)  # type: ignore[arg-type]


def size_of(png: bytes) -> tuple[int, int]:
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    width, height = struct.unpack(">II", png[16:24])
    return width, height


@pytest.mark.parametrize(
    "drawn",
    [picture(), picture(actual=[None] * 24), picture(expected=[0.0] * 24, low=[0.0] * 24, high=[0.0] * 24)],
)
def test_a_day_is_drawn_whatever_is_known_of_it(drawn: KeyPicture) -> None:
    assert size_of(day_chart(drawn, HOSTILE)) == (770, 330)


def test_a_chart_says_in_words_what_it_shows() -> None:
    assert "usually 40, the busiest known hour had 900" in day_words(picture(), "key_a")
    assert "no hour's own count" in day_words(picture(actual=[None] * 24), "key_a")


def test_a_map_shows_usual_places_and_new_ones() -> None:
    spots = [Spot(lat=52.4, lon=4.9), Spot(lat=-33.9, lon=-151.2, usual=False, name="XX")]
    assert size_of(world_map(spots)) == (660, 330)
    assert world_map(spots) != world_map(spots[:1])
    assert map_words(spots) == (
        "World map. Usual places: 52.4 north 4.9 east. Now: XX 33.9 south 151.2 west."
    )


def test_an_alert_without_places_has_no_map_and_without_a_baseline_no_chart() -> None:
    assert AlertPictures().of(alert()) == []
    assert spots_of(alert()) == []


def test_the_two_lines_of_a_day_have_one_scale() -> None:
    now, usual = day_lines(picture())
    assert (now[-1], usual[-1], now[0]) == ("█", "▁", "·")
    assert len(now) == len(usual) == 24
