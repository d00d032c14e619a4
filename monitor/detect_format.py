"""Which wire format a file is in, by its first bytes."""

from __future__ import annotations

import gzip
from pathlib import Path

from domain.errors import Fatal, Reason


def detect_format(path: Path) -> str:
    """``cloudtrail``, ``native`` or ``combined``. Raises ``Fatal`` for a file that cannot be read."""
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as stream:
            head = stream.read(4096).lstrip()
    except OSError as error:
        raise Fatal(Reason.CONFIG, f"cannot read {path}: {error.strerror or error}") from error
    if not head.startswith((b"{", b"[")):
        return "combined"
    return "cloudtrail" if b'"eventName"' in head or b'"Records"' in head else "native"
