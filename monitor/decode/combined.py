"""``combined``: a line of an NCSA combined access log. The key id is the client's address, as such
logs name no key: good for trying keywatch on what one has.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Final

from domain.errors import Reason, Rejected
from domain.event import UsageEvent

_QUOTED: Final = r'"((?:[^"\\]|\\.)*)"'
_LINE: Final = re.compile(
    rf"^(\S+) \S+ (?:\S+|.+?) \[([^\]]+)\] {_QUOTED} (\d{{3}}) (\d+|-)(?: {_QUOTED} {_QUOTED})?"
)


def parse(value: bytes) -> tuple[UsageEvent]:
    """Raises ``Rejected`` on a line of another shape."""
    line = _LINE.match(value.decode("utf-8", "replace"))
    if line is None:
        raise Rejected(Reason.WRONG_TYPE, "not a line of the combined log format")
    method, _, rest = line[3].partition(" ")
    return (
        UsageEvent(
            ts=_time(line[2]),
            key_id=line[1],
            ip=line[1],
            method=method,
            endpoint=rest.rpartition(" ")[0] or rest,
            status=int(line[4]),
            bytes_out=None if line[5] == "-" else int(line[5]),
            user_agent=line[7],
        ),
    )


def _time(text: str) -> float:
    try:
        return datetime.strptime(text, "%d/%b/%Y:%H:%M:%S %z").timestamp()
    except ValueError:
        raise Rejected(Reason.BAD_TIMESTAMP, "the time is not as in 17/May/2015:10:05:03 +0000") from None
