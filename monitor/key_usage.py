"""What the baselines know of keys, for the audit: networks, last use, requests a day, leaked secrets."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from detectors.rates import rates_at
from domain.clock import Clock
from domain.leak import LEAKED_PREFIX
from domain.profile import PROFILE_DTYPE, RATE_HORIZONS_MIN, WINDOW_MS
from keystore.audit.facts import LeakedSecret, Observed
from monitor.baseline.migrate import row_of
from monitor.baseline.teach import NETWORK_MEMORY_MIN
from monitor.checkpoint.redis import RedisStateStore

Rows = npt.NDArray[np.void]

DAY_MIN: Final = 1440.0
DAY: Final = RATE_HORIZONS_MIN.index(DAY_MIN)
ONE_WINDOW_A_MONTH_AGO: Final = float(np.exp(-1.0))
"""The weight left of a network that was used in a single minute, :data:`NETWORK_MEMORY_MIN` ago."""


class ProfileUsage:
    """The port :class:`keystore.audit.facts.KeyUsage` over the stored profile rows of one topic.

    A key whose requests went to several partitions has a row in each; what they say is added up.
    Cost: one HMGET a partition for every call of :meth:`observed`, one scan of all key ids for
    :meth:`leaked`. Requests of minutes that are still open are not in the rows yet.
    """

    def __init__(self, store: RedisStateStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def watching(self) -> bool:
        return bool(self._store.partitions())

    def observed(self, key_ids: Sequence[str]) -> list[Observed | None]:
        rows: dict[str, list[bytes]] = defaultdict(list)
        for partition in self._store.partitions():
            stored = self._store.load_profiles(partition, key_ids)
            for key_id, raw in zip(key_ids, stored, strict=True):
                if raw is not None:
                    rows[key_id].append(raw)
        minute = int(self._clock.now() * 1000) // WINDOW_MS
        return [_observed(_rows(rows[key_id]), minute) if key_id in rows else None for key_id in key_ids]

    def leaked(self) -> list[LeakedSecret]:
        """Decoding gives every secret it meets a name of its own, which has a row like any key."""
        rows: dict[str, list[bytes]] = defaultdict(list)
        for partition in self._store.partitions():
            for name, raw in self._store.profiles_named(partition, f"{LEAKED_PREFIX}*"):
                rows[name].append(raw)
        return [_leaked(name, _rows(raw)) for name, raw in sorted(rows.items())]


def _observed(rows: Rows, minute: int) -> Observed:
    requests, minutes, _ = rates_at(rows, np.full(len(rows), minute))
    a_minute = requests[:, DAY] / np.maximum(minutes[:, DAY], 1.0)
    return Observed(
        networks=networks(rows, minute),
        last_seen_ms=_last_seen_ms(rows),
        requests_a_day=float(a_minute.sum() * DAY_MIN),
    )


def networks(rows: Rows, minute: int) -> int:
    """How many distinct networks the rows (n,) of one key remember at ``minute``; 0 after a month of silence.

    Those in the slots whose weight has not faded below that of one window a month ago: a network used
    for one minute is forgotten then, one used often lasts longer. Or, for a key on more networks than
    there are slots, how many it is on in an average minute.
    """
    idle = np.maximum(minute - rows["last_window"], 0)
    rows, idle = rows[idle <= NETWORK_MEMORY_MIN], idle[idle <= NETWORK_MEMORY_MIN]
    weight = rows["prefix_weight"] * np.exp(-idle / NETWORK_MEMORY_MIN)[:, None]
    held = np.unique(rows["prefix"][weight >= ONE_WINDOW_A_MONTH_AGO])
    return max(len(held), round(float(rows["spread_mean"].max(initial=0.0))))


def _leaked(name: str, rows: Rows) -> LeakedSecret:
    return LeakedSecret(name, int(rows["events"].sum()), _last_seen_ms(rows))


def _last_seen_ms(rows: Rows) -> int | None:
    return int(rows["last_ms"].max()) or None


def _rows(raw: Sequence[bytes]) -> Rows:
    return np.array([row_of(row, PROFILE_DTYPE) for row in raw], PROFILE_DTYPE)
