"""A corpus through the same pipeline as the daemon's, and every finding with the moment it was raised."""

from __future__ import annotations

import math
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import msgspec
import numpy as np
import numpy.typing as npt
from rich.console import Console
from rich.progress import Progress

from alerting.policy import Policy
from domain.finding import Finding, Kind
from monitor.config import Config, DetectConfig, GeoipConfig
from monitor.decode.base import Decoded, Decoder
from monitor.evaluation.labels import Labels, read_labels
from monitor.outside import HONEY, STOPPED, Watched
from monitor.replay import Outcome, Replay
from monitor.source.base import Headers
from monitor.source.dead_letter import NullDeadLetters

CERTAIN_SCORE = 1000.0
"""Proof stands above all statistics."""


@dataclass(frozen=True, slots=True)
class Raised:
    """A finding as people would get it. ``at_ms`` is the event time of the record that brought it: for a
    window that closed, the record that closed it. ``rank`` is 0 observe, 1 alert, 2 suspend."""

    key_id: str
    offset: int
    at_ms: int
    detector: str
    score: float
    rank: int


@dataclass(frozen=True, slots=True)
class Played:
    """A corpus after its replay; findings in order of offset.

    ``budget``: false alerts per 1,000 key-days up to which ``raised`` is all there is: what is commoner than
    the policy's alert budget is not made a finding unless it surprises by itself.
    """

    name: str
    labels: Labels
    raised: list[Raised]
    events: int
    budget: float = math.inf


def score_of(finding: Finding) -> float:
    """One number to order findings by: how rare such a day is for the key, in bits, then its score; proof
    is above all."""
    if finding.contributions.get(Kind.CERTAIN.value, 0.0) > 0:
        return CERTAIN_SCORE
    return -math.log2(max(finding.p_value, 2.0**-64)) + finding.score / 1000.0


class _Times:
    """A decoder that remembers each record's event time by its offset."""

    def __init__(self, decoder: Decoder) -> None:
        self._decoder = decoder
        self._parts: list[tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]] = []

    def decode(
        self,
        values: Sequence[bytes | None],
        offsets: npt.NDArray[np.int64],
        headers: Sequence[Headers] | None = None,
    ) -> Decoded:
        decoded = self._decoder.decode(values, offsets, headers)
        self._parts.append((decoded.columns.offset, decoded.columns.ts_ms))
        return decoded

    def at(self, offsets: Sequence[int]) -> list[int]:
        """Event times of some offsets; that of the record before, where one was rejected."""
        known, times = (np.concatenate(column) for column in zip(*self._parts, strict=True))
        rows = np.searchsorted(known, np.array(offsets, np.int64), side="right") - 1
        return times[np.maximum(rows, 0)].tolist()


def play_all(
    folders: Sequence[Path], config: Config, policy: Policy, jobs: int, console: Console
) -> list[Played]:
    """Replay corpora, ``jobs`` at a time in processes of their own; a bar on a terminal for each done."""
    bars = Progress(console=console, transient=True, disable=not console.is_terminal)
    one = partial(play, config=config, policy=policy)
    with bars, ProcessPoolExecutor(jobs) if jobs > 1 else nullcontext() as pool:
        results = pool.map(one, folders) if pool else map(one, folders)
        return list(bars.track(results, total=len(folders), description="replaying"))


def play(folder: Path, config: Config, policy: Policy) -> Played:
    """Replay a corpus with its own GeoIP file, network lists, honey keys and stopped keys."""
    labels = read_labels(folder)
    settings = settings_for(folder, labels, config)
    player = Replay([folder / labels.events], "native", settings, policy, NullDeadLetters())
    times = _Times(player.pipeline.decoder)
    player.pipeline.decoder = times
    player.pipeline.engine.detection.outside.watched = _watched(labels)
    outcomes = [outcome for found in player.run() for outcome in found]
    raised = _raised(outcomes, times)
    return Played(folder.name, labels, raised, player.stats.events, 1000 * policy.alert_p)


def settings_for(folder: Path, labels: Labels, config: Config) -> Config:
    """``config`` with a corpus' own GeoIP file, network lists and honey keys."""
    geoip = GeoipConfig(
        databases=[str(folder / name) for name in labels.geoip] or config.geoip.databases,
        lists={name: str(folder / path) for name, path in labels.lists.items()} or config.geoip.lists,
    )
    detect: DetectConfig = msgspec.structs.replace(config.detect, honey_keys=labels.honey_keys)
    return msgspec.structs.replace(config, geoip=geoip, detect=detect)


def _watched(labels: Labels) -> dict[str, Watched]:
    watched = {key_id: Watched(STOPPED, since) for key_id, since in labels.stopped_keys.items()}
    return watched | {key_id: Watched(HONEY) for key_id in labels.honey_keys}


def _raised(outcomes: list[Outcome], times: _Times) -> list[Raised]:
    found = sorted(outcomes, key=lambda o: o.finding.offset)
    moments = times.at([o.finding.offset for o in found]) if found else []
    return [
        Raised(
            key_id=o.finding.key_id,
            offset=o.finding.offset,
            at_ms=at,
            detector=o.finding.detector,
            score=score_of(o.finding),
            rank=o.decision.action.rank,
        )
        for o, at in zip(found, moments, strict=True)
    ]
