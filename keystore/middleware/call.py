"""A request as the gate sees it, whatever brought it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

Headers = Callable[[str], Sequence[str]]
"""All values of a header by its name in small letters; none is ()."""


@dataclass(frozen=True, slots=True)
class Call:
    """``path`` is decoded, ``query`` as it came without the ``?``. ``peer``: who holds the other end of the
    connection, "" when the server does not say.
    """

    method: str
    path: str
    query: str
    peer: str
    headers: Headers
