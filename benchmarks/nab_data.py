"""A NAB data folder: the series as files, and the labelled windows as row numbers."""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, slots=True)
class Series:
    """One file: ``minute`` (n,) since the epoch, ``value`` (n,), ``windows`` as (first, last) rows."""

    name: str
    minute: npt.NDArray[np.int64]
    value: npt.NDArray[np.float64]
    windows: list[tuple[int, int]]


def load(folder: Path) -> list[Series]:
    """Every CSV below ``folder/data``, with the windows of ``folder/windows.json``, by name."""
    labels: dict[str, list[list[str]]] = json.loads((folder / "windows.json").read_text())
    paths = sorted((folder / "data").rglob("*.csv"))
    if not paths:
        raise SystemExit(f"{folder}/data holds no CSV files: give the folder of a NAB data set")
    return [_series(path, path.relative_to(folder / "data").as_posix(), labels) for path in paths]


def _series(path: Path, name: str, labels: dict[str, list[list[str]]]) -> Series:
    with path.open(newline="") as stream:
        rows = list(csv.reader(stream))[1:]
    times = [_seconds(row[0]) for row in rows]
    at = {second: number for number, second in reversed(list(enumerate(times)))}
    windows = [(at[_seconds(first)], at[_seconds(last)]) for first, last in labels[name]]
    minute = np.array(times, np.int64) // 60
    return Series(name, minute, np.array([float(row[1]) for row in rows]), windows)


def _seconds(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())
