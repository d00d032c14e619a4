"""Values as access logs write them: numbers in quotes, ``-`` or null where nothing is known."""

from __future__ import annotations

from math import isfinite
from typing import Any, TypeVar

import msgspec

from domain.errors import Reason, Rejected
from domain.event import UNKNOWN

FARTHEST = 2**53
T = TypeVar("T")
Loose = str | int | float | None


def decoded(decoder: msgspec.json.Decoder[T], value: bytes) -> T:
    """As the decoder has it; bytes that are not UTF-8 are replaced.

    Gateways log what the client sent: one odd byte in a User-Agent must not hide the request.
    """
    try:
        return decoder.decode(value)
    except UnicodeDecodeError:
        return decoder.decode(value.decode("utf-8", "replace").encode())


def text(value: Any) -> str:
    """What was said, "" for null, ``-`` and nothing. Of a list (a header sent twice) the first.

    >>> text("-"), text(None), text(7), text(["curl/8.5.0", "x"])
    ('', '', '7', 'curl/8.5.0')
    """
    if isinstance(value, list):
        value = value[0] if value else None
    if value is None or value == "-" or isinstance(value, dict | list):
        return ""
    return value if isinstance(value, str) else str(value)


def number(value: Loose) -> float | None:
    """A finite number, None when there is none.

    >>> number("0.25"), number(3), number("-"), number("")
    (0.25, 3, None, None)
    """
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            return None
    return value if value is not None and (isinstance(value, int) or isfinite(value)) else None


def whole(value: Loose) -> int | None:
    """A number of bytes, None when there is none."""
    found = number(value)
    return None if found is None else int(found)


def status(value: Loose) -> int:
    """An HTTP status, ``UNKNOWN`` when there is none."""
    found = whole(value)
    return UNKNOWN if found is None else found


def time_ms(value: Loose, unit_ms: int = 1) -> int:
    """Epoch milliseconds from a number of ``unit_ms``. Raises ``Rejected`` when it is none."""
    found = number(value)
    if found is None or not abs(found) < FARTHEST:
        raise Rejected(Reason.BAD_TIMESTAMP, "the time is missing or not a number")
    return round(found * unit_ms)


def path(target: str) -> str:
    """A request's target without its query, where keys may travel in clear.

    >>> path("/v1/items?apikey=x")
    '/v1/items'
    """
    return target.partition("?")[0]


def host(address: str) -> str:
    """An address without its port.

    >>> host("198.18.0.1:4711"), host("[2001:db8::1]:4711"), host("2001:db8::1"), host("198.18.0.1")
    ('198.18.0.1', '2001:db8::1', '2001:db8::1', '198.18.0.1')
    """
    if address.startswith("["):
        return address[1:].partition("]")[0]
    return address.partition(":")[0] if address.count(":") == 1 else address
