"""A stretch of time as a person names it: RFC 3339, or backwards from now."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from domain.errors import Fatal, Reason, Rejected
from monitor.decode.base import timestamp_ms

_UNITS_MS: Final = {"s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 7 * 86_400_000}
_AGO: Final = re.compile(r"-?(\d+)([smhdw])")
BEGINNING: Final = 0
END: Final = 2**53
"""Later than any event time that decoding lets through."""


@dataclass(frozen=True, slots=True)
class Period:
    """``from_ms`` to ``to_ms``, both included, in epoch milliseconds."""

    from_ms: int = BEGINNING
    to_ms: int = END

    def __contains__(self, ts_ms: int) -> bool:
        return self.from_ms <= ts_ms <= self.to_ms


def period(begin: str, end: str, now_s: float) -> Period:
    """The period of two options, either of which may be empty. Raises ``Fatal`` naming the option."""
    found = Period(
        moment_ms(begin, now_s, "--from") if begin else BEGINNING,
        moment_ms(end, now_s, "--to") if end else END,
    )
    if found.from_ms > found.to_ms:
        raise Fatal(Reason.CONFIG, f"--from {begin} is later than --to {end or 'now'}")
    return found


def moment_ms(text: str, now_s: float, option: str) -> int:
    """Epoch milliseconds of RFC 3339 text, or of ``-90m``, ``-7d``: so long before ``now_s``.

    >>> moment_ms("1970-01-02T00:00:00Z", 0.0, "--from"), moment_ms("-2h", 7200.5, "--from")
    (86400000, 500)
    """
    ago = _AGO.fullmatch(text)
    if ago:
        return int(now_s * 1000) - duration_ms(text, option)
    try:
        return timestamp_ms(text)
    except Rejected:
        raise Fatal(
            Reason.CONFIG,
            f"{option}: {text!r} is neither RFC 3339 (2026-06-01T00:00:00Z) nor like -90m or -7d",
        ) from None


def duration_ms(text: str, option: str) -> int:
    """Milliseconds of ``90m``, ``7d``; a sign is ignored. Raises ``Fatal`` naming the option."""
    found = _AGO.fullmatch(text)
    if found is None:
        raise Fatal(Reason.CONFIG, f"{option}: {text!r} is not a length of time such as 90m, 12h, 7d or 2w")
    return int(found[1]) * _UNITS_MS[found[2]]
