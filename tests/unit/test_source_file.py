"""Files as a source: offsets are line numbers, whatever the wrapping."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from domain.errors import Fatal, Reason
from monitor.source.base import RecordBatch
from monitor.source.file import FileSource


def write(path: Path, content: bytes) -> Path:
    path.write_bytes(gzip.compress(content, mtime=0) if path.suffix == ".gz" else content)
    return path


def read_all(source: FileSource, offset: int | None = None) -> list[tuple[int, bytes | None]]:
    source.poll(0)
    source.seek(0, offset)
    found: list[tuple[int, bytes | None]] = []
    while not source.finished:
        for batch in source.poll(0).batches:
            found += zip(batch.offsets.tolist(), batch.values, strict=True)
    return found


@pytest.mark.parametrize("name", ["a.jsonl", "a.log", "a.json", "a.jsonl.gz", "a.json.gz", "a.ndjson.gz"])
def test_each_line_is_a_record_whose_offset_is_its_line_number(tmp_path: Path, name: str) -> None:
    path = write(tmp_path / name, b'{"a":1}\r\n\n{"a":2}\n{"a":3}')
    assert read_all(FileSource([path])) == [(0, b'{"a":1}'), (2, b'{"a":2}'), (3, b'{"a":3}')]


@pytest.mark.parametrize("content", [b'{\n "Records": [\n  {"a":1}\n ]\n}\n', b'[\n {"a":1},\n {"a":2}\n]'])
@pytest.mark.parametrize("name", ["trail.json", "trail.json.gz"])
def test_a_json_document_over_many_lines_is_one_record(tmp_path: Path, name: str, content: bytes) -> None:
    assert read_all(FileSource([write(tmp_path / name, content)])) == [(0, content.strip())]


def test_line_numbers_run_on_over_several_files(tmp_path: Path) -> None:
    paths = [write(tmp_path / "1.jsonl", b"1\n2\n"), write(tmp_path / "2.jsonl.gz", b"3\n")]
    assert read_all(FileSource(paths)) == [(0, b"1"), (1, b"2"), (2, b"3")]


def test_reading_goes_on_at_the_offset_sought(tmp_path: Path) -> None:
    source = FileSource([write(tmp_path / "a.jsonl", b"0\n1\n2\n")])
    assert read_all(source, 2) == [(2, b"2")]
    assert read_all(source, 1) == [(1, b"1"), (2, b"2")]
    assert read_all(source, None)[0] == (0, b"0")


def test_nothing_flows_before_the_seek_and_the_partition_is_told_once(tmp_path: Path) -> None:
    source = FileSource([write(tmp_path / "a.jsonl", b"0\n")])
    first, second = source.poll(0), source.poll(0)
    assert (first.assigned, first.batches) == (frozenset({0}), [])
    assert (second.assigned, second.batches) == (frozenset(), [])


def test_a_poll_brings_no_more_than_its_limit_and_says_where_to_go_on(tmp_path: Path) -> None:
    source = FileSource([write(tmp_path / "a.jsonl", b"0\n1\n\n3\n")], poll_records=2)
    source.seek(0, None)
    batches: list[RecordBatch] = []
    while not source.finished:
        batches += source.poll(0).batches
    assert [batch.next_offset for batch in batches] == [2, 4]
    assert [len(batch) for batch in batches] == [2, 1]


@pytest.mark.parametrize("name", ["a.jsonl", "a.jsonl.gz"])
def test_progress_goes_from_nothing_to_the_size_on_disk(tmp_path: Path, name: str) -> None:
    path = write(tmp_path / name, b"".join(b'{"a":%d}\n' % (i * 2654435761 % 2**32) for i in range(50_000)))
    source = FileSource([path, path], poll_records=60_000)
    assert (source.bytes_read, source.total_bytes) == (0, 2 * path.stat().st_size)
    source.seek(0, None)
    source.poll(0)
    assert 0 < source.bytes_read < source.total_bytes
    source.poll(0)
    assert source.bytes_read == source.total_bytes


def test_the_end_and_the_lag_count_lines(tmp_path: Path) -> None:
    source = FileSource([write(tmp_path / "a.jsonl.gz", b"0\n1\n2\n")], poll_records=2)
    source.seek(0, 1)
    assert source.lag() == {}
    assert source.end_offsets([0, 1]) == {0: 3}
    assert source.lag() == {0: 2}
    source.poll(0)
    assert source.lag() == {0: 0}


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(Fatal, match=r"absent\.jsonl: No such file") as caught:
        FileSource([tmp_path / "absent.jsonl"])
    assert caught.value.reason is Reason.CONFIG


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Fatal, match=r"table\.parquet: expected a file named"):
        FileSource([write(tmp_path / "table.parquet", b"PAR1")])


@pytest.mark.parametrize("damage", ["truncated", "not gzip"])
def test_a_damaged_archive_is_fatal_rather_than_short(tmp_path: Path, damage: str) -> None:
    whole = gzip.compress(b'{"a":1}\n' * 1000)
    (tmp_path / "a.jsonl.gz").write_bytes(whole[:-9] if damage == "truncated" else b"plain text\n")
    with pytest.raises(Fatal, match="cannot be read to its end") as caught:
        read_all(FileSource([tmp_path / "a.jsonl.gz"]))
    assert caught.value.reason is Reason.CORRUPT


def test_closing_stops_the_flow(tmp_path: Path) -> None:
    source = FileSource([write(tmp_path / "a.jsonl", b"0\n1\n")], poll_records=1)
    source.seek(0, None)
    source.poll(0)
    source.close()
    assert source.poll(0).batches == []
