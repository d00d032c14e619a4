"""Warnings of a vendor's key store reach the log once each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from monitor.logs import Log
from monitor.store_watch import StoreWatch


class Store:
    def __init__(self) -> None:
        self.now: Sequence[str] = []

    def warnings(self) -> Sequence[str]:
        return self.now


class Lines:
    def __init__(self) -> None:
        self.said: list[str] = []

    def warning(self, event: str, **fields: Any) -> None:
        assert event == "key_store"
        self.said.append(fields["message"])


def test_each_warning_is_logged_when_it_is_new() -> None:
    store, lines = Store(), Lines()
    watch = StoreWatch(store, cast(Log, lines))
    for store.now in ([], ["no plugin"], ["no plugin", "4.9 more days"], [], ["no plugin"]):
        watch.look()
    assert lines.said == ["no plugin", "4.9 more days", "no plugin"]
