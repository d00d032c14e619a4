"""Files of one JSON object a line, as commands take them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import msgspec

from domain.errors import Fatal, Reason, Rejected

Line = TypeVar("Line", bound=msgspec.Struct)


def read_lines(path: Path, kind: type[Line]) -> Iterator[tuple[str, Line]]:
    """Where each line stands, and what it says; empty lines pass.

    Raises ``Rejected`` naming the line, never its content, and ``Fatal`` for a file that cannot be read.
    """
    decoder = msgspec.json.Decoder(kind)
    try:
        with path.open("rb") as lines:
            for number, line in enumerate(lines, 1):
                if line.strip():
                    where = f"{path} line {number}"
                    with rejected_at(where):
                        value = decoder.decode(line)
                    yield where, value
    except OSError as error:
        raise Fatal(Reason.CONFIG, f"cannot read {path}: {error.strerror}") from error


@contextmanager
def rejected_at(where: str) -> Iterator[None]:
    """Say where, with what is rejected inside."""
    try:
        yield
    except msgspec.MsgspecError as error:
        raise Rejected(Reason.WRONG_TYPE, f"{where}: {error}") from error
    except Rejected as error:
        raise Rejected(error.reason, f"{where}: {error}") from error
