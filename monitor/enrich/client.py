"""The family of the software that made a request, without its version."""

from __future__ import annotations

import re
import zlib
from typing import Final

from ua_parser import parse_user_agent

_PRODUCT: Final = re.compile(r"^([A-Za-z][\w.\-]{1,40})(?:[/ ]|$)")
MAX_AGENT: Final = 512


def family(agent: str) -> str:
    """ "" for an empty agent; a browser's family; else the first product named.

    >>> family("Boto3/1.26.165 Python/3.10.6 Linux/5.19"), family("curl/8.5.0"), family("")
    ('Boto3', 'curl', '')
    """
    agent = agent[:MAX_AGENT].strip("[] ")
    product = _PRODUCT.match(agent)
    if product and product[1] not in ("Mozilla", "Opera"):
        return product[1]
    known = parse_user_agent(agent) if agent else None
    if known is not None:
        return known.family
    return "other" if agent else ""


def name_hash(name: str) -> int:
    """A 32-bit number for a name, 0 only for the empty one."""
    return (zlib.crc32(name.encode("utf-8", "replace")) or 1) if name else 0
