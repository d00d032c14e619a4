"""Stretches of time as a person names them."""

from __future__ import annotations

import pytest

from domain.errors import Fatal
from monitor.period import BEGINNING, END, Period, period

NOW_S = 1_780_000_000.0


def test_nothing_said_is_everything() -> None:
    assert period("", "", NOW_S) == Period(BEGINNING, END)


def test_relative_times_are_before_now_and_both_ends_are_included() -> None:
    found = period("-2h", "-30m", NOW_S)
    assert found == Period(int(NOW_S * 1000) - 7_200_000, int(NOW_S * 1000) - 1_800_000)
    assert found.from_ms in found
    assert found.to_ms in found
    assert found.to_ms + 1 not in found


def test_a_time_zone_is_honoured() -> None:
    assert period("2026-06-01T02:00:00+02:00", "", NOW_S).from_ms == 1_780_272_000_000


@pytest.mark.parametrize(("begin", "end", "named"), [("yesterday", "", "--from"), ("", "7", "--to")])
def test_what_is_no_time_is_refused_with_the_option(begin: str, end: str, named: str) -> None:
    with pytest.raises(Fatal, match=named):
        period(begin, end, NOW_S)


def test_an_end_before_the_beginning_is_refused() -> None:
    with pytest.raises(Fatal, match="later than --to"):
        period("-1h", "-2h", NOW_S)
