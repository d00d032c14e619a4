"""Rows of a topic as an older schema had them, so that the release before this one can go on with them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from domain.errors import Reason, Refused
from domain.profile import FLEET_DTYPE, PROFILE_DTYPE, SCHEMA_VERSION, WINDOW_DTYPE
from monitor.baseline.migrate import as_of, stored_schema
from monitor.checkpoint.base import NO_OFFSET, SCHEMA, Commit
from monitor.checkpoint.redis import RedisStateStore
from monitor.migration.hold import Hold, sliced


def found(store: RedisStateStore) -> dict[int, Counter[int]]:
    """Partition -> profiles by schema, 0 for those of no known one. Reads all, writes nothing."""
    return {
        number: Counter(stored_schema(raw, PROFILE_DTYPE) for _, raw in store.profiles_named(number, "*"))
        for number in store.partitions()
    }


def rewrite(store: RedisStateStore, version: int) -> Iterator[int]:
    """Write everything as schema ``version``; yields the rows written by each commit.

    Stop the consumers first. May be broken off and run again: a partition whose schema is not lowered yet
    is still refused by the older release, and rows that are done come out the same. Raises ``Refused``
    when a daemon takes a partition meanwhile.
    """
    require_older(version)
    for number in store.partitions():
        hold = Hold(store, number)
        yield from _rewritten(store, hold, version)


def require_older(version: int) -> None:
    """Raises ``Refused`` for a schema that is not one of the past."""
    if not 1 <= version < SCHEMA_VERSION:
        raise Refused(
            Reason.ILLEGAL_STATE,
            f"--to {version}: this release writes schema {SCHEMA_VERSION} and can go back to 1 to "
            f"{SCHEMA_VERSION - 1}; the way up needs no command",
        )


def _rewritten(store: RedisStateStore, hold: Hold, version: int) -> Iterator[int]:
    for rows in sliced(store.profiles_named(hold.partition, "*")):
        profiles = {key_id: as_of(raw, PROFILE_DTYPE, version) for key_id, raw in rows}
        _write(store, hold, Commit(b"", b"", NO_OFFSET, profiles=profiles))
        yield len(profiles)
    for windows in sliced(list(hold.windows.items())):
        older = {name: as_of(raw, WINDOW_DTYPE, version) for name, raw in windows}
        _write(store, hold, Commit(b"", b"", NO_OFFSET, windows=older))
        yield len(older)
    meta = {SCHEMA: b"%d" % version}
    if fleet := hold.meta.get("fleet"):
        meta["fleet"] = as_of(fleet, FLEET_DTYPE, version)
    _write(store, hold, Commit(b"", b"", NO_OFFSET, meta=meta))


def _write(store: RedisStateStore, hold: Hold, commit: Commit) -> None:
    if not hold.write(commit):
        raise Refused(
            Reason.CONFLICT,
            f"a daemon took partition {hold.partition} of {store.topic} meanwhile: stop all consumers of "
            "this release, then run this again",
        )
