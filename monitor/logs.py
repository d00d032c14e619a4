"""Structured logs: a constant event name and fields, one JSON object a line on stderr.

Never key material, webhook addresses or raw payloads: callers pass ids, numbers and reasons only.
"""

from __future__ import annotations

import json
import sys
from typing import Final, TextIO

from domain.clock import Clock

LEVELS: Final = {"debug": 10, "info": 20, "warning": 30, "error": 40}


class Log:
    """Thread-safe: each line is one write."""

    def __init__(self, clock: Clock, level: str = "info", stream: TextIO | None = None) -> None:
        self._clock = clock
        self._level = LEVELS[level]
        self._stream = stream or sys.stderr

    def info(self, event: str, **fields: object) -> None:
        """Something changed as it should."""
        self._write("info", event, fields)

    def warning(self, event: str, **fields: object) -> None:
        """Something needs attention soon, and keywatch goes on."""
        self._write("warning", event, fields)

    def error(self, event: str, **fields: object) -> None:
        """Something is not done and will not be without a person."""
        self._write("error", event, fields)

    def _write(self, level: str, event: str, fields: dict[str, object]) -> None:
        if LEVELS[level] < self._level:
            return
        line = {"ts": round(self._clock.now(), 3), "level": level, "event": event, **fields}
        self._stream.write(json.dumps(line, default=str) + "\n")
        self._stream.flush()
