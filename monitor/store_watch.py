"""Says once an hour what people must see to in a vendor's key store."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from monitor.logs import Log


class Warns(Protocol):
    """A store that knows what is amiss with it."""

    def warnings(self) -> Sequence[str]:
        """In words for an operator; empty when all is well."""


class StoreWatch:
    """Logs each warning when it is new, and again only after it went away."""

    def __init__(self, store: Warns, log: Log) -> None:
        self._store = store
        self._log = log
        self._told: set[str] = set()

    def look(self) -> None:
        """Raises what the store raises when it does not answer."""
        found = list(self._store.warnings())
        for warning in found:
            if warning not in self._told:
                self._log.warning("key_store", message=warning)
        self._told = set(found)
