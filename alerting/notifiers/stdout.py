"""Alerts as text on standard output: the default when Slack is not set up."""

from __future__ import annotations

import sys
from typing import TextIO

from alerting.notifiers.text import lines_of, title_of
from domain.ports import Message


class StdoutNotifier:
    """One paragraph a message."""

    name = "stdout"

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stdout

    def send(self, message: Message) -> None:
        text = "\n".join([title_of(message), *(f"  {line}" for line in lines_of(message))])
        self._stream.write(text + "\n")
        self._stream.flush()
