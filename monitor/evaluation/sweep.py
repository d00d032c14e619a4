"""Recall at a chosen false alert rate: one threshold on the score of findings, whatever policy says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from monitor.evaluation.run import Played, Raised
from monitor.evaluation.tally import Tally, tally

RATES: Final = (0.5, 1.0, 2.0, 5.0, 10.0, 20.0)
"""False alerts per 1,000 key-days."""


@dataclass(frozen=True, slots=True)
class Point:
    """The lowest threshold whose false alert rate is at most ``rate``, and what it gives."""

    rate: float
    threshold: float
    tally: Tally

    @property
    def recall(self) -> float:
        """Share of the attacks found."""
        verdicts = self.tally.verdicts
        return sum(v.found for v in verdicts) / len(verdicts) if verdicts else 0.0


def at_threshold(played: Sequence[Played], threshold: float) -> Tally:
    """What is found and falsely told when every finding from ``threshold`` on is an alert."""
    return tally(played, [[one for one in corpus.raised if one.score >= threshold] for corpus in played])


def sweep(played: Sequence[Played], rates: Sequence[float] = ()) -> list[Point]:
    """A point for every rate (those of RATES within the alert budget), by bisection over the scores that
    occur: rates fall as thresholds rise."""
    budget = min((corpus.budget for corpus in played), default=0.0)
    rates = rates or [rate for rate in RATES if rate <= budget] or [budget]
    scores = sorted({one.score for corpus in played for one in corpus.raised})
    return [_point(played, scores, rate) for rate in rates]


def _point(played: Sequence[Played], scores: list[float], rate: float) -> Point:
    low, high = 0, len(scores)
    while low < high:
        middle = (low + high) // 2
        if at_threshold(played, scores[middle]).false_rate() <= rate:
            high = middle
        else:
            low = middle + 1
    threshold = scores[low] if low < len(scores) else float("inf")
    return Point(rate, threshold, at_threshold(played, threshold))


def alerts_of(corpus: Played) -> list[Raised]:
    """What policy makes alerts or suspensions of."""
    return [one for one in corpus.raised if one.rank >= 1]
