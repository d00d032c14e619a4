"""Recorded streams through the same pipeline, with state in memory and time taken from the events."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from alerting.policy import Policy
from detectors.forest import fit
from domain.clock import ManualClock
from domain.decision import Decision
from domain.finding import Finding
from domain.profile import WINDOW_MS
from monitor.checkpoint.memory import MemoryStateStore
from monitor.config import Config
from monitor.decode.base import Limits
from monitor.forest import train, with_forest
from monitor.logs import Log
from monitor.period import Period
from monitor.pipeline import Pipeline, Stats
from monitor.source.base import Bounded, DeadLetters
from monitor.source.file import FileSource
from monitor.wiring import engine_for, enricher_for
from monitor.wiring_formats import decoder_of

TRAIN_EVERY_MIN = 360
"""Minutes of event time between trainings in a replay: the daemon's job runs on the clock instead."""
POLL_RECORDS = 2_000
"""Small polls, so that training falls where it is due; findings do not depend on it otherwise."""

POLL_S = 0.2
"""How long a broker is waited for; a file answers at once."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """A finding of a replay, and what policy would do about it."""

    finding: Finding
    decision: Decision


class Replay:
    """Runs files, or a ``source`` that ends, through the pipeline. The same records give the same outcomes.

    Only findings within ``period`` are told; what comes before it teaches, what comes after is not read.
    """

    def __init__(
        self,
        paths: Sequence[Path],
        wire_format: str,
        config: Config,
        policy: Policy,
        dead_letters: DeadLetters,
        source: Bounded | None = None,
        period: Period = Period(),  # noqa: B008 - frozen
    ) -> None:
        self.source: Bounded = source or FileSource(paths, poll_records=POLL_RECORDS)
        self._period = period
        self._policy = policy
        self._found: list[Finding] = []
        self._store = MemoryStateStore(self.source.topic)
        self._config = config
        self._trained_minute = -1
        clock = ManualClock()
        self.pipeline = Pipeline(
            source=self.source,
            decoder=decoder_of(config, wire_format, Limits()),
            enricher=enricher_for(config),
            engine=engine_for(config, self.source.topic, policy),
            store=self._store,
            dead_letters=dead_letters,
            clock=clock,
            sleep=clock.advance,
            log=Log(clock, "warning"),
            commit_every_s=0.0,
            on_findings=self._found.extend,
        )

    @property
    def stats(self) -> Stats:
        """Counters so far."""
        return self.pipeline.stats

    @property
    def keys(self) -> int:
        """Keys seen so far."""
        return sum(len(part.key_ids) for part in self.pipeline.parts.values())

    def run(self) -> Iterator[list[Outcome]]:
        """Outcomes batch by batch; the last one closes all windows."""
        while not (self.source.finished or self._past()):
            self.pipeline.run_once(POLL_S)
            self._train_if_due()
            yield self._taken()
        for part in self.pipeline.parts.values():
            self._found.extend(self.pipeline.engine.finish(part))
        self.pipeline.commit()
        self.source.close()
        yield self._taken()

    def first_seen(self) -> npt.NDArray[np.int64]:
        """When each key was first used, in order, epoch milliseconds (keys,)."""
        times = [part.profiles["first_ms"][: len(part.key_ids)] for part in self.pipeline.parts.values()]
        return np.sort(np.concatenate([np.zeros(0, np.int64), *times]).astype(np.int64))

    def _past(self) -> bool:
        """Whether every partition has gone so far beyond the period that all its windows are closed."""
        limit = self._period.to_ms + (self._config.detect.lateness_min + 2) * WINDOW_MS
        parts = self.pipeline.parts.values()
        return bool(parts) and all(part.watermark_ms > limit for part in parts)

    def _taken(self) -> list[Outcome]:
        out = [Outcome(f, self._policy.decide(f)) for f in self._found if f.ts_ms in self._period]
        self._found.clear()
        return out

    def _train_if_due(self) -> None:
        minute = max((part.minute for part in self.pipeline.parts.values()), default=-1)
        if minute < self._trained_minute + TRAIN_EVERY_MIN:
            return
        rows = self._store.samples(list(self.pipeline.parts))
        if len(rows) < self._config.forest.min_samples:
            return
        self._trained_minute = minute
        engine = self.pipeline.engine
        engine.detection = with_forest(engine.detection, fit(train(rows, self._config.forest.seed)))
