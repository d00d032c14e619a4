"""A corpus as columns, decoded and enriched as the daemon does, for peers that look at events or windows."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from monitor.config import Config
from monitor.decode import decoder_for
from monitor.decode.base import Limits
from monitor.evaluation.labels import Labels, read_labels
from monitor.evaluation.run import settings_for
from monitor.source.file import FileSource
from monitor.wiring import enricher_for

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
POLL_RECORDS: Final = 50_000
COLUMNS: Final = (
    "ts_ms", "prefix", "asn", "country", "lat", "lon", "listed", "client", "endpoint", "path", "write",
    "status", "bytes_out", "latency_us",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Stream:
    """Events in order of offset; ``key`` numbers ``key_ids``. ``column`` holds those named in COLUMNS.

    ``watermark`` (n,) is the latest event time so far: what a window's end is compared with.
    """

    name: str
    labels: Labels
    key_ids: list[str]
    key: Ints
    column: dict[str, npt.NDArray[Any]]
    watermark: Ints

    def __len__(self) -> int:
        return len(self.key)

    def closing(self, end_ms: Ints) -> tuple[Ints, Ints]:
        """The first record (offset) at which each time has passed, and that record's event time."""
        at = np.minimum(np.searchsorted(self.watermark, end_ms), len(self) - 1)
        return at, self.watermark[at]


def read_stream(folder: Path) -> Stream:
    """Read a corpus whole: about 300 bytes of memory an event."""
    labels = read_labels(folder)
    enricher = enricher_for(settings_for(folder, labels, Config()))
    decoder = decoder_for("native", Limits())
    source = FileSource([folder / labels.events], POLL_RECORDS)
    source.poll(0)
    source.seek(0, None)
    names: dict[str, int] = {}
    keys: list[list[int]] = []
    parts: dict[str, list[npt.NDArray[Any]]] = {name: [] for name in COLUMNS}
    while not source.finished:
        for batch in source.poll(0).batches:
            events = enricher.enrich(decoder.decode(batch.values, batch.offsets).columns)
            keys.append([names.setdefault(key_id, len(names)) for key_id in events.key_id])
            for name in COLUMNS:
                parts[name].append(getattr(events, name))
    column = {name: np.concatenate(found) for name, found in parts.items()}
    key = np.concatenate([np.array(part, np.int64) for part in keys])
    return Stream(folder.name, labels, list(names), key, column, np.maximum.accumulate(column["ts_ms"]))
