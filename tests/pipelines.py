"""A pipeline whose source is in memory, for tests that do not need a broker."""

from __future__ import annotations

import io

from domain.clock import ManualClock
from monitor.checkpoint.base import StateStore
from monitor.config import Config, DetectConfig, GeoipConfig
from monitor.decode import decoder_for
from monitor.decode.base import Limits
from monitor.logs import Log
from monitor.pipeline import Pipeline
from monitor.source.dead_letter import NullDeadLetters
from monitor.source.memory import MemorySource, MemoryTopic
from monitor.source.settings import POLL_RECORDS
from monitor.wiring import engine_for, enricher_for
from sample_streams import GEO

TOPIC = "api-usage"
ENRICHER = enricher_for(Config(geoip=GeoipConfig(databases=[str(GEO)])))


def memory_pipeline(
    lines: list[bytes],
    store: StateStore,
    detect: DetectConfig | None = None,
    poll_records: int = POLL_RECORDS,
    commit_every_s: float = 1.0,
) -> Pipeline:
    """A consumer of ``lines``, all in partition 0, that has read nothing yet."""
    topic = MemoryTopic(TOPIC)
    for line in lines:
        topic.append(0, line)
    clock = ManualClock()
    return Pipeline(
        source=MemorySource(topic, poll_records=poll_records),
        decoder=decoder_for("native", Limits()),
        enricher=ENRICHER,
        engine=engine_for(Config(detect=detect or DetectConfig()), TOPIC),
        store=store,
        dead_letters=NullDeadLetters(),
        clock=clock,
        sleep=clock.advance,
        log=Log(clock, "error", io.StringIO()),
        commit_every_s=commit_every_s,
    )


def behind(pipeline: Pipeline) -> bool:
    """Whether there is anything left to read."""
    return not pipeline.parts or any(pipeline.source.lag().values())


def to_the_end(pipeline: Pipeline) -> None:
    """Read all and commit it."""
    while behind(pipeline):
        pipeline.run_once(0)
    pipeline.commit()
