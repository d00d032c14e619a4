"""Which wire format a file is in, by its first bytes."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Final

from domain.errors import Fatal, Reason
from monitor.decode.cloudevents import PREFIX

_TELLING: Final = (
    ("cloudtrail", (b'"eventName"',)),
    ("cloudtrail", (b'"Records"',)),
    ("ocsf", (b'"class_uid"',)),
    ("kong", (b'"started_at"', b'"latencies"')),
    ("aws-apigw", (b'"requestTimeEpoch"',)),
    ("nginx", (b'"remote_addr"',)),
    ("envoy", (b'"start_time"', b'"response_code"')),
)
"""Names of fields that only records of a format have, all of them."""


def detect_format(path: Path) -> str:
    """The format of the first record. Raises ``Fatal`` for a file that cannot be read."""
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as stream:
            head = stream.read(16_384).lstrip()
    except OSError as error:
        raise Fatal(Reason.CONFIG, f"cannot read {path}: {error.strerror or error}") from error
    if not head.startswith((b"{", b"[")):
        return "combined"
    found = next((name for name, fields in _TELLING if all(f in head for f in fields)), "native")
    return PREFIX + found if b'"specversion"' in head else found
