"""Recorded streams: files of JSON lines, or one JSON document, plain or gzipped, as partition 0."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import IO

import msgspec
import numpy as np

from domain.errors import Fatal, Reason
from monitor.source.base import Polled, RecordBatch

PARTITION = 0
SUFFIXES = (".jsonl", ".ndjson", ".json", ".log")


class FileSource:
    """A :class:`monitor.source.base.Source` over files, read in the order given.

    The offset of a record is its line number over all files, from 0; blank lines leave holes. A
    ``.json`` file that is one document (CloudTrail's ``{"Records": [...]}``, or an array) is one
    record. ``bytes_read`` of ``total_bytes`` tells how far it is, as the files lie on disk.
    Raises ``Fatal`` for a file that is missing, damaged, or of another kind.
    """

    def __init__(self, paths: Sequence[Path], poll_records: int = 20_000) -> None:
        self.paths = list(paths)
        self.topic = self.paths[0].name
        self.total_bytes = sum(_size(path) for path in self.paths)
        self.bytes_read = 0
        self.finished = False
        self._poll_records = poll_records
        self._told = False
        self._lines: Iterator[tuple[int, bytes]] | None = None
        self._position = 0
        self._end: int | None = None

    def poll(self, timeout_s: float) -> Polled:
        del timeout_s  # a file is there or not
        assigned = frozenset() if self._told else frozenset({PARTITION})
        self._told = True
        if self._lines is None:
            return Polled(assigned=assigned)
        found = list(islice(self._lines, self._poll_records))
        self.finished = len(found) < self._poll_records
        return Polled([_batch(found)] if found else [], assigned)

    def seek(self, partition: int, offset: int | None) -> None:
        if partition != PARTITION:
            return
        self.finished = False
        self._position = start = offset or 0
        self._lines = (line for line in self._counted() if line[0] >= start)

    def _counted(self) -> Iterator[tuple[int, bytes]]:
        number = before = 0
        for path in self.paths:
            with _opened(path) as raw:
                for line in _lines(path, raw):
                    self.bytes_read = before + raw.tell()
                    number += 1
                    if line := line.strip(b" \t\r\n"):
                        self._position = number
                        yield number - 1, line
            before += _size(path)
        self.bytes_read, self._position, self._end = before, number, number

    def end_offsets(self, partitions: Iterable[int]) -> dict[int, int]:
        """Reads all files once, unless they were read already."""
        if self._end is None:
            self._end = sum(_count(path) for path in self.paths)
        return {PARTITION: self._end} if PARTITION in set(partitions) else {}

    def partitions(self) -> int:
        return 1

    def lag(self) -> dict[int, int]:
        return {} if self._end is None else {PARTITION: self._end - self._position}

    def progress(self) -> tuple[int, int]:
        """Bytes read of how many, as the files lie on disk."""
        return self.bytes_read, self.total_bytes

    def commit(self, offsets: Mapping[int, int]) -> None:
        """A file keeps no positions."""

    def close(self) -> None:
        self._lines = None


def _size(path: Path) -> int:
    if not path.name.removesuffix(".gz").endswith(SUFFIXES):
        raise Fatal(
            Reason.CONFIG, f"{path}: expected a file named {', '.join(SUFFIXES)}, or one of them with .gz"
        )
    try:
        return path.stat().st_size
    except OSError as error:
        raise Fatal(Reason.CONFIG, f"{path}: {error.strerror}") from error


def _opened(path: Path) -> IO[bytes]:
    try:
        return path.open("rb")
    except OSError as error:
        raise Fatal(Reason.CONFIG, f"{path}: {error.strerror}") from error


def _lines(path: Path, raw: IO[bytes]) -> Iterator[bytes]:
    """Lines of a file; a ``.json`` file that is one document is one line."""
    try:
        text: IO[bytes] | gzip.GzipFile = gzip.GzipFile(fileobj=raw) if path.name.endswith(".gz") else raw
        if path.name.removesuffix(".gz").endswith(".json"):
            yield from _document(text.read())
        else:
            yield from text
    except (OSError, EOFError, zlib.error) as error:
        raise Fatal(Reason.CORRUPT, f"{path}: cannot be read to its end ({error}): fetch it again") from error


def _count(path: Path) -> int:
    with _opened(path) as raw:
        return sum(1 for _ in _lines(path, raw))


def _document(content: bytes) -> list[bytes]:
    try:
        msgspec.json.decode(content, type=msgspec.Raw)
    except msgspec.DecodeError:
        return content.splitlines()
    return [content]


def _batch(lines: list[tuple[int, bytes]]) -> RecordBatch:
    return RecordBatch(
        partition=PARTITION,
        offsets=np.array([number for number, _ in lines], np.int64),
        values=[line for _, line in lines],
        keys=[None] * len(lines),
        headers=[()] * len(lines),
        next_offset=lines[-1][0] + 1,
    )
