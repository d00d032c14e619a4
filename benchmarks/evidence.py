"""Fits what detectors' claims are worth (`detectors.combine.WORTH`) to labelled corpora, and prints it.

``python -m benchmarks.evidence --seeds 101 102 103 104 105 106 --check 107 108``. Never fit on the seeds that
docs/evaluation.md is measured on. A day of an honest key or an attack is a case; its evidence is that of
the moment at which the model itself finds it worst, so fit and choice take turns. Takes about three minutes
a corpus on one core.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final
from unittest.mock import patch

import numpy as np
import numpy.typing as npt
from rich.console import Console
from scipy.optimize import minimize

from alerting.policy import load_policy
from detectors.catalog import DETECTORS
from detectors.combine import PIECES, WORTH
from domain.finding import Kind
from domain.profile import WINDOW_MS
from monitor.claim import Claimed, DetectSettings
from monitor.config import Config
from monitor.evaluation.labels import FILE
from monitor.evaluation.run import CERTAIN_SCORE, Played, Raised, play
from monitor.evaluation.sweep import sweep
from monitor.evaluation.tally import DAY_MS, case_of
from monitor.settle import Settlement
from sample_streams.corpus.__main__ import write

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

PRIOR: Final = np.array([0.2, 0.1, 0.05])
"""Nats a bit of weight that a detector is taken to be worth before any case speaks of it."""
PENALTY: Final = 20.0
SCALE: Final = 3.5
"""Evidence a nat: about five of a thousand honest key-days then reach 14.4, and one 18."""
ROUNDS: Final = 7
RATES: Final = (1.0, 5.0)


@dataclass(frozen=True, slots=True)
class Seen:
    """A corpus' claims: ``weights`` (n, detectors) of a key's last hours at each, ``kind`` (detectors,) their
    kinds' numbers or -1, ``case`` (n,) the number of the case it belongs to or -1, ``stolen`` (cases,)."""

    played: Played
    raised: list[Raised]
    weights: Floats
    kind: Ints
    case: Ints
    stolen: npt.NDArray[np.bool_]


def seen(folder: Path) -> Seen:
    """Replay a corpus and keep what every claim weighed."""
    claims: list[tuple[str, Claimed, float]] = []
    weigh = Settlement.weight

    def noted(self: Settlement, part: Any, claim: Claimed) -> float:
        weight = weigh(self, part, claim)
        claims.append((part.key_ids[claim.slot], claim, weight))
        return weight

    with patch.object(Settlement, "weight", noted):
        played = play(folder, Config(), load_policy(None))
    raised = [
        Raised(key_id, claim.offset, _at_ms(claim), claim.detector, claim.kind is Kind.CERTAIN, 0)
        for key_id, claim, _ in claims
    ]
    case, stolen = _cases(played, raised)
    return Seen(played, raised, _recent(claims), _kinds(claims), case, stolen)


def _at_ms(claim: Claimed) -> int:
    """Event time, to a minute: windows close two minutes late."""
    return (claim.minute + (3 if claim.row < 0 else 1)) * WINDOW_MS


def _kinds(claims: Sequence[tuple[str, Claimed, float]]) -> Ints:
    kind = np.full(len(DETECTORS), -1)
    for _, claim, _ in claims:
        if claim.detector in WORTH:
            kind[DETECTORS.index(claim.detector)] = list(Kind).index(claim.kind)
    return kind


def _recent(claims: Sequence[tuple[str, Claimed, float]]) -> Floats:
    """Highest weight (n, detectors) of each detector that is still fresh on the key, at each claim."""
    out, held = np.zeros((len(claims), len(DETECTORS))), dict[str, dict[int, tuple[float, int]]]()
    for i, (key_id, claim, weight) in enumerate(claims):
        mine, first = held.setdefault(key_id, {}), claim.minute - DetectSettings().combine_min
        number = DETECTORS.index(claim.detector)
        old = mine.get(number, (0.0, first))
        if weight >= old[0] or old[1] <= first:
            mine[number] = (weight, claim.minute)
        for j, (held_weight, minute) in mine.items():
            out[i, j] = held_weight if minute > first else 0.0
    return out


def _cases(played: Played, raised: Sequence[Raised]) -> tuple[Ints, npt.NDArray[np.bool_]]:
    numbers: dict[str, int] = {}
    case, stolen = np.full(len(raised), -1), list[bool]()
    for i, one in enumerate(raised):
        name = case_of(played.labels, one)
        if one.score or name is None:  # proof needs no weighing
            continue
        honest = name == ""
        number = numbers.setdefault(f"{one.key_id} {one.at_ms // DAY_MS}" if honest else name, len(stolen))
        if number == len(stolen):
            stolen.append(not honest)
        case[i] = number
    return case, np.array(stolen, bool)


# -- the model ---------------------------------------------------------------------------------------


def pieces(weights: Floats) -> Floats:
    """Bits of each weight (n, d) in each piece: (n, d, pieces)."""
    starts, ends = np.array(PIECES).T
    out: Floats = np.clip(weights[:, :, None], starts, ends) - starts
    return out


def winners(weights: Floats, slopes: Floats, kind: Ints) -> npt.NDArray[np.bool_]:
    """Which detector (n, d) speaks for its kind in each row."""
    evidence = (pieces(weights) * slopes).sum(axis=2)
    out = np.zeros(evidence.shape, bool)
    for one in range(kind.max() + 1):
        mine = np.flatnonzero(kind == one)
        if len(mine):
            out[np.arange(len(out)), mine[evidence[:, mine].argmax(axis=1)]] = True
    return out


def scores(weights: Floats, slopes: Floats, kind: Ints) -> Floats:
    """What each row's evidence adds up to (n,)."""
    evidence = (pieces(weights) * slopes).sum(axis=2)
    total: Floats = np.where(winners(weights, slopes, kind), evidence, 0.0).sum(axis=1)
    return total


def fit(corpora: Sequence[Seen]) -> Floats:
    """Slopes (detectors, pieces) in nats a bit of weight."""
    slopes, kind = np.tile(PRIOR, (len(DETECTORS), 1)), np.max([one.kind for one in corpora], axis=0)
    offset = -8.0
    for _ in range(ROUNDS):
        parts = [_worst(one, slopes, kind) for one in corpora]
        x, y = np.concatenate([part[0] for part in parts]), np.concatenate([part[1] for part in parts])
        slopes, offset = _regressed(x, y, slopes, offset)
    return slopes


def _worst(one: Seen, slopes: Floats, kind: Ints) -> tuple[Floats, Floats]:
    """The winning pieces (cases, d * pieces) of each case at its worst moment, and whether it was stolen."""
    rows = np.flatnonzero(one.case >= 0)
    order = rows[np.lexsort((scores(one.weights[rows], slopes, kind), one.case[rows]))]
    last = order[np.append(np.flatnonzero(np.diff(one.case[order])), len(order) - 1)]
    weights = one.weights[last]
    won = pieces(weights) * winners(weights, slopes, kind)[:, :, None]
    return won.reshape(len(last), -1), one.stolen[one.case[last]].astype(np.float64)


def _regressed(x: Floats, y: Floats, slopes: Floats, offset: float) -> tuple[Floats, float]:
    """Logistic regression with slopes of at least 0 that are drawn towards the prior."""
    prior = np.tile(PRIOR, len(DETECTORS))

    def loss(theta: Floats) -> tuple[float, Floats]:
        z, away = x @ theta[:-1] + theta[-1], theta[:-1] - prior
        wrong = 1.0 / (1.0 + np.exp(-z)) - y
        value = float(np.logaddexp(0.0, z).sum() - z @ y + PENALTY * away @ away)
        return value, np.append(x.T @ wrong + 2.0 * PENALTY * away, wrong.sum())

    bounds = [(0.0, None)] * len(prior) + [(None, None)]
    start = np.append(slopes.reshape(-1), offset)
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds).x
    return found[:-1].reshape(slopes.shape), float(found[-1])


def recalls(corpora: Sequence[Seen], slopes: Floats) -> str:
    """Recall at some false alert rates when claims are ranked by their score alone, without a p-value."""
    played = []
    for one in corpora:
        ranked = scores(one.weights, slopes, one.kind)
        raised = [
            replace(r, score=max(float(score), r.score * CERTAIN_SCORE))
            for r, score in zip(one.raised, ranked, strict=True)
        ]
        played.append(replace(one.played, raised=raised, budget=np.inf))
    return ", ".join(f"{p.recall:.0%} at {p.rate:g}" for p in sweep(played, RATES))


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.evidence", description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", required=True)
    parser.add_argument("--check", type=int, nargs="*", default=[], help="seeds to look at, not to fit on")
    parser.add_argument("--size", choices=("small", "full"), default="full")
    parser.add_argument(
        "--work", type=Path, default=Path(".evidence"), help="folder of corpora; missing ones are written"
    )
    wanted = parser.parse_args()
    console = Console(soft_wrap=True)
    corpora = {}
    for seed in (*wanted.seeds, *wanted.check):
        folder = wanted.work / f"{wanted.size}-{seed}"
        if not (folder / FILE).exists():
            write(seed, wanted.size, folder)
        corpora[seed] = seen(folder)
    slopes = SCALE * fit([corpora[seed] for seed in wanted.seeds])
    for name in WORTH:
        console.print(f'"{name}": ({", ".join(f"{s:.2f}" for s in slopes[DETECTORS.index(name)])}),')
    for name, seeds in (("fitted", wanted.seeds), ("checked", wanted.check)):
        if seeds:
            console.print(f"{name} on {seeds}: {recalls([corpora[s] for s in seeds], slopes)}")


if __name__ == "__main__":
    main()
