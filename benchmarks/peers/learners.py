"""Anomaly detection algorithms of other libraries, as they are meant to be used, on the same windows.

What learns in batches is trained on all windows before a day, afresh every day, and scores that day. All
get deviations from the key's own past and shares of what is new (:mod:`benchmarks.peers.windows`).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Final

import numpy as np

from benchmarks.peers.base import HOUR, TABLES, Input, Peer, at_close
from benchmarks.peers.stream import Floats, Ints
from benchmarks.peers.windows import FLOORS, MOST, Table
from monitor.evaluation.run import Raised

DAY_MS: Final = 86_400_000
SEED: Final = 1
MOST_ROWS: Final = 60_000
"""Rows to train on at most, drawn at random: more change nothing but the time."""
RCF_TREES: Final = 50
RCF_SAMPLES: Final = 256
RCF_WARM: Final = 32
RCF_FEATURES: Final = (0, 1, 4, 9, 12)
"""OpenSearch allows five features a detector: requests, bytes, refusals, networks, endpoints."""


def peers() -> list[Peer]:
    """All of them, on windows of ten minutes and of an hour; the better of the two counts.

    Random Cut Forest is a forest a key, as OpenSearch has it, on hours, and runs on a sample of keys.
    """
    daily = [("IsolationForest", _isolation), ("ECOD", _ecod)]
    return [
        *(
            Peer(f"{name} ({label})", partial(_daily, label=label, score=score))
            for name, score in daily
            for label in TABLES
        ),
        *(Peer(f"HalfSpaceTrees ({label})", partial(_half_space, label=label)) for label in TABLES),
        Peer("RCF", _rcf, sampled=True),
    ]


def _half_space(given: Input, label: str) -> list[Raised]:
    windows = given.windows[label]
    return at_close(given.stream, windows, half_space(windows), "river")


def half_space(windows: Table) -> Floats:
    """river's HalfSpaceTrees (Tan, Ting & Liu, 2011), learning from every window after scoring it."""
    from river import anomaly

    scaled = windows.vectors() / MOST
    model: Any = anomaly.HalfSpaceTrees(n_trees=25, height=10, window_size=1000, seed=SEED)
    out = np.empty(len(scaled))
    for i, row in enumerate(scaled.tolist()):
        vector = dict(enumerate(row))
        out[i] = model.score_one(vector)
        model.learn_one(vector)
    return out


def _rcf(given: Input) -> list[Raised]:
    """rrcf (Guha et al., 2016), a forest a key over its hours."""
    windows = given.windows[HOUR]
    columns = list(RCF_FEATURES)
    rows = windows.counts[:, columns] / FLOORS[columns]
    out = np.full(len(rows), -np.inf)
    order = np.argsort(windows.key, kind="stable")
    for mine in np.split(order, np.flatnonzero(np.diff(windows.key[order])) + 1):
        out[mine] = cut_forest(rows[mine])
    return at_close(given.stream, windows, out, "rrcf")


def cut_forest(rows: Floats) -> Floats:
    """Mean collusive displacement (n,) of each row when it comes, -inf while warming up."""
    import rrcf

    rng = np.random.default_rng(SEED)
    rows = rows + rng.normal(0, 1e-6, rows.shape)  # rrcf counts equal rows as one
    forest = [rrcf.RCTree(random_state=SEED + t) for t in range(RCF_TREES)]
    out = np.full(len(rows), -np.inf)
    for i, row in enumerate(rows):
        total = 0.0
        for tree in forest:
            if i >= RCF_SAMPLES:
                tree.forget_point(i - RCF_SAMPLES)
            tree.insert_point(row, index=i)
            total += tree.codisp(i) if i >= RCF_WARM else 0.0
        if i >= RCF_WARM:
            out[i] = total / RCF_TREES
    return out


def _daily(given: Input, label: str, score: Callable[[Floats, Floats], Any]) -> list[Raised]:
    windows = given.windows[label]
    day = windows.end_ms // DAY_MS
    vectors, out = windows.vectors(), np.full(len(windows.key), -np.inf)
    rng = np.random.default_rng(SEED)
    for today in np.unique(day)[2:].tolist():
        before, now = np.flatnonzero(day < today), np.flatnonzero(day == today)
        if len(before) > MOST_ROWS:
            before = rng.choice(before, MOST_ROWS, replace=False)
        out[now] = score(vectors[before], vectors[now])
    return at_close(given.stream, windows, out, label)


def _isolation(past: Floats, now: Floats) -> Any:
    """scikit-learn's IsolationForest (Liu, Ting & Zhou, 2008)."""
    from sklearn.ensemble import IsolationForest

    return -IsolationForest(n_estimators=200, random_state=SEED).fit(past).score_samples(now)


def _ecod(past: Floats, now: Floats) -> Any:
    """PyOD's ECOD (Li et al., 2022)."""
    from pyod.models.ecod import ECOD

    return ECOD().fit(past).decision_function(now)


def sample(given: Input, honest: int) -> set[str]:
    """The keys that a slow peer runs on: every attacked one, and some honest ones."""
    labels = given.stream.labels
    attacked = {k for case in labels.cases if case.verdict == "attack" for k in case.keys}
    others = sorted(set(given.stream.key_ids) - attacked)
    rng = np.random.default_rng(SEED)
    picked: Ints = rng.permutation(len(others))[:honest]
    return attacked | {others[i] for i in picked.tolist()}
