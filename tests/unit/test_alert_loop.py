"""The loop of the alert side: it waits for what may mend itself and says what ended it otherwise."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

from alerting.pipeline import AlertPipeline
from domain.clock import ManualClock
from domain.errors import Fatal, KeywatchError, Reason, Transient
from monitor.alert_loop import WAIT_MAX_S, AlertLoop
from monitor.logs import Log
from monitor.meter import Meter


class Rounds(AlertPipeline):
    """A pipeline of which each round is a call given here."""

    def __init__(self, *rounds: Callable[[], Any]) -> None:
        self.rounds = list(rounds)

    def run_once(self, block_s: float, on_wait: Any = None) -> list[Any]:
        self.rounds.pop(0)()
        return []


def raising(error: Exception) -> Callable[[], None]:
    def round_() -> None:
        raise error

    return round_


def run(*rounds: Callable[[], Any]) -> tuple[AlertLoop, KeywatchError | None, ManualClock]:
    clock = ManualClock()
    pipeline = Rounds(*rounds)
    loop = AlertLoop(pipeline, Meter(), clock.advance, Log(clock, "error", io.StringIO()))
    return loop, loop.run(lambda: not pipeline.rounds), clock


def test_it_waits_as_long_as_it_is_asked_to_and_goes_on() -> None:
    loop, ended_by, clock = run(raising(Transient(Reason.THROTTLED, "later", 12.0)), lambda: None)
    assert ended_by is None
    assert clock.now() == 12.0
    assert loop.rounds.polls == 2


def test_it_never_waits_for_very_long() -> None:
    _, _, clock = run(raising(Transient(Reason.THROTTLED, "tomorrow", 86_400.0)))
    assert clock.now() == WAIT_MAX_S


def test_what_cannot_be_mended_ends_it() -> None:
    error = Fatal(Reason.CREDENTIALS, "unknown token")
    _, ended_by, _ = run(raising(error), lambda: None)
    assert ended_by is error


def test_a_mistake_of_ours_ends_it_too_and_is_not_lost() -> None:
    _, ended_by, _ = run(raising(ZeroDivisionError("division by zero")), lambda: None)
    assert isinstance(ended_by, Fatal)
    assert "ZeroDivisionError" in str(ended_by)


def test_another_pipeline_is_taken_between_rounds() -> None:
    taken: list[str] = []
    clock = ManualClock()
    loop = AlertLoop(Rounds(lambda: taken.append("old")), Meter(), clock.advance, Log(clock, "error"))
    after = Rounds(lambda: taken.append("new"))

    def between() -> None:
        if taken:
            loop.pipeline = after

    loop.between = between
    loop.run(lambda: len(taken) == 2)
    assert taken == ["old", "new"]
