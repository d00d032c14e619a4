"""Structured logs: a constant event name (``monitor.log_events``) and fields, one object a line on stderr.

Never key material, webhook addresses or raw payloads: callers pass ids, numbers and reasons only.
"""

from __future__ import annotations

import json
import re
import sys
from typing import Final, TextIO

from domain.clock import Clock

_PLAIN: Final = re.compile(r"[\w./:@+-]+")
LEVELS: Final = {"debug": 10, "info": 20, "warning": 30, "error": 40}


class Log:
    """Thread-safe: each line is one write. ``as_json`` False writes ``name=value`` for people."""

    def __init__(
        self, clock: Clock, level: str = "info", stream: TextIO | None = None, as_json: bool = True
    ) -> None:
        self._clock = clock
        self._level = LEVELS[level]
        self._stream = stream or sys.stderr
        self._format = _as_json if as_json else _as_text

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
        self._stream.write(self._format(line) + "\n")
        self._stream.flush()


def _as_json(line: dict[str, object]) -> str:
    return json.dumps(line, default=str)


def _as_text(line: dict[str, object]) -> str:
    """Values are quoted as JSON where they could be mistaken for another field or line."""
    texts = {name: str(value) for name, value in line.items()}
    plain = {name: text if _PLAIN.fullmatch(text) else json.dumps(text) for name, text in texts.items()}
    fields = [f"{name}={text}" for name, text in plain.items() if name not in ("ts", "level", "event")]
    return " ".join([plain["ts"], plain["level"].upper(), plain["event"], *fields])
