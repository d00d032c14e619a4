"""How often and how long a vendor is asked again."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Final, TypeVar

from domain.errors import Reason, Transient

Answer = TypeVar("Answer")
LONGEST_RETRY_AFTER_S: Final = 3600.0
"""A longer Retry-After is taken for a mistake of the other side."""
_NOT_DONE: Final = (Reason.THROTTLED, Reason.UNREACHABLE)


@dataclass(frozen=True, slots=True)
class Patience:
    """Bounded retries with full jitter, in the caller's thread, so short ones only.

    A write is sent again only when the vendor surely did nothing (429, or no connection); what became
    of any other is to be read, not guessed. When the vendor asks for a longer wait than ``longest_s``,
    or the attempts are used up, the ``Transient`` goes to the caller, who has better things to do than
    sleep.

    Parameters
    ----------
    sleep
        Seconds.
    jitter
        A number from 0 to 1, anew at each call.
    """

    sleep: Callable[[float], None]
    jitter: Callable[[], float]
    attempts: int = 3
    base_s: float = 0.2
    longest_s: float = 2.0

    def ask(self, act: Callable[[], Answer], *, write: bool) -> Answer:
        """The answer of ``act``, or its last ``Transient``."""
        for attempt in range(1, self.attempts):
            try:
                return act()
            except Transient as error:
                wait_s = self._wait_s(error, attempt)
                if wait_s > self.longest_s or (write and error.reason not in _NOT_DONE):
                    raise
                self.sleep(wait_s)
        return act()

    def _wait_s(self, error: Transient, attempt: int) -> float:
        backoff_s = self.jitter() * self.base_s * 2 ** (attempt - 1)
        return backoff_s if error.retry_after_s is None else error.retry_after_s + backoff_s


def retry_after_s(header: str, now_s: float) -> float | None:
    """Seconds to wait by a ``Retry-After`` header (RFC 9110, 10.2.3): seconds or a date; None for neither.

    >>> retry_after_s("7", 0.0), retry_after_s("Thu, 01 Jan 1970 00:00:30 GMT", 10.0), retry_after_s("x", 0.0)
    (7.0, 20.0, None)
    """
    try:
        wait = float(header)
    except ValueError:
        try:
            moment = parsedate_to_datetime(header)
        except ValueError:
            return None
        wait = moment.replace(tzinfo=moment.tzinfo or UTC).timestamp() - now_s
    return min(max(wait, 0.0), LONGEST_RETRY_AFTER_S) if math.isfinite(wait) else None
