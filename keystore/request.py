"""What a key is shown with: the facts of one request that decide whether the key may make it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Request:
    """One request, as the service that checks the key sees it.

    ``method`` is upper case. ``path`` is as the framework routes it: percent-decoded, without host and
    query. ``ip`` is the caller's address, not that of a proxy in between. ``environment`` is where this
    service runs (``live``, ``test``); "" accepts keys of any environment.
    """

    method: str
    path: str
    ip: str
    environment: str = ""
