"""Recorded requests as the commands name them: files, or the configured topic between two moments."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from alerting.policy import Policy
from domain.errors import Fatal, Reason
from monitor.config import Config
from monitor.decode import REGISTERED
from monitor.decode.cloudevents import PREFIX
from monitor.detect_format import detect_format
from monitor.period import BEGINNING, Period, duration_ms
from monitor.replay import POLL_RECORDS, Replay
from monitor.source.base import DeadLetters
from monitor.source.dead_letter import FileDeadLetters, NullDeadLetters
from monitor.wiring_history import history_for


@dataclass(frozen=True, slots=True)
class Recording:
    """``files`` empty: the topic. ``warm_up_ms``: what of the topic is read before the period, 0 for all."""

    files: Sequence[Path]
    wire_format: str
    config: Config
    period: Period
    warm_up_ms: int = 0
    rejects: Path | None = None

    def replay(self, policy: Policy) -> Replay:
        """A replay from its start; connects when it is a topic."""
        source = None if self.files else history_for(self.config, self._to_read(), POLL_RECORDS)
        letters = letters_for(self.rejects)
        return Replay(self.files, self.wire_format, self.config, policy, letters, source, self.period)

    def _to_read(self) -> Period:
        begin = self.period.from_ms - self.warm_up_ms if self.warm_up_ms else BEGINNING
        return Period(max(begin, BEGINNING), self.period.to_ms)


def recording(
    files: Sequence[Path], kafka: bool, wire_format: str, config: Config, period: Period
) -> Recording:
    """Checked: either files or the topic. Raises ``Fatal`` saying which option to give."""
    if bool(files) == kafka:
        raise Fatal(Reason.CONFIG, "name the files to read, or say --kafka for the configured topic")
    chosen = wire_format or (detect_format(files[0]) if files else config.kafka.format)
    if files and chosen.removeprefix(PREFIX) in REGISTERED:
        raise Fatal(
            Reason.CONFIG, f"{chosen} records are binary, and files are read line by line: give --kafka"
        )
    return Recording(files, chosen, config, period)


def warmed(found: Recording, warm_up: str) -> Recording:
    """With the time before ``--from`` that teaches; only a topic can be read from its middle."""
    if not warm_up:
        return found
    if found.files or found.period.from_ms == BEGINNING:
        raise Fatal(Reason.CONFIG, "--warm-up goes with --kafka and --from: a file is read from its start")
    return Recording(
        found.files, found.wire_format, found.config, found.period, duration_ms(warm_up, "--warm-up")
    )


def letters_for(rejects: Path | None) -> DeadLetters:
    """Where rejected records go: the file named, or nowhere."""
    return FileDeadLetters(rejects) if rejects else NullDeadLetters()


def with_databases(config: Config, geoip: Sequence[Path] | None) -> Config:
    """The settings with these MMDB files, if there are any."""
    if not geoip:
        return config
    databases = msgspec.structs.replace(config.geoip, databases=[str(path) for path in geoip])
    return msgspec.structs.replace(config, geoip=databases)
