"""The topic's past as a source: read alone, beside whoever consumes it."""

from __future__ import annotations

from dataclasses import replace

from monitor.config import Config
from monitor.connect import kafka_settings
from monitor.period import Period
from monitor.source.history import KafkaHistory, stretches
from monitor.source.settings import KafkaSettings


def history_for(config: Config, period: Period, poll_records: int) -> KafkaHistory:
    """The configured topic's records of the period: no group, nothing committed.

    Raises ``Fatal`` naming the setting that is wrong.
    """
    settings = history_settings(config, poll_records)
    return KafkaHistory(settings, stretches(settings, period))


def history_settings(config: Config, poll_records: int) -> KafkaSettings:
    """How to reach the configured topic, with polls of another size."""
    return replace(kafka_settings(config, config.kafka.topic), poll_records=poll_records)
