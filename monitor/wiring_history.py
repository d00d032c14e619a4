"""The topic's past as a source: its own assignment, no group, nothing committed."""

from __future__ import annotations

from dataclasses import replace

from monitor.config import Config
from monitor.period import Period
from monitor.source.history import KafkaHistory
from monitor.wiring import kafka_settings


def history_for(config: Config, period: Period, poll_records: int) -> KafkaHistory:
    """The configured topic's records of the period. Raises ``Fatal`` naming the setting that is wrong."""
    settings = kafka_settings(config, config.kafka.topic)
    return KafkaHistory(replace(settings, poll_records=poll_records), period)
