"""What a poll tells of partitions that come and go, and letters that wait on disk."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from domain.errors import Fatal, Reason, Transient
from domain.secret import Secret
from monitor.source.base import DeadLetter, RecordBatch
from monitor.source.membership import Membership
from monitor.source.settings import KafkaSettings


def batch(partition: int) -> RecordBatch:
    return RecordBatch(
        partition, np.array([3, 7]), [b"a", None], [None, b"k"], [[], [("h", b"1")]], next_offset=8
    )


def test_a_partition_is_told_once() -> None:
    members = Membership()
    members.assign([1, 2])
    assert members.drain() == (frozenset({1, 2}), frozenset())
    assert members.drain() == (frozenset(), frozenset())


def test_a_partition_that_left_and_came_back_is_in_both_sets() -> None:
    members = Membership()
    members.assign([1, 2])
    members.drain()
    members.revoke([1, 2])
    members.assign([1])
    assert members.drain() == (frozenset({1}), frozenset({1, 2}))


def test_a_partition_that_came_and_left_between_two_polls_is_not_told() -> None:
    members = Membership()
    members.assign([1])
    members.revoke([1])
    assert members.drain() == (frozenset(), frozenset())


@pytest.mark.parametrize("returned", [True, False])
def test_records_of_a_partition_that_changed_hands_are_dropped(returned: bool) -> None:
    members = Membership()
    members.assign([1, 2])
    members.drain()
    members.revoke([1])
    members.assign([1] if returned else [])
    assert [found.partition for found in members.polled([batch(1), batch(2)], {}).batches] == [2]


@dataclass(frozen=True, slots=True)
class Bad:
    row: int
    reason: Reason
    message: str


def test_a_letter_is_the_record_as_it_was() -> None:
    letter = DeadLetter.of("usage", batch(1), Bad(1, Reason.NOT_JSON, "line 1"))
    assert (letter.offset, letter.value, letter.key, letter.headers) == (7, None, b"k", [("h", b"1")])
    assert letter.error_headers() == {
        "__keywatch.errors.exception": "not_json",
        "__keywatch.errors.message": "line 1",
        "__keywatch.errors.topic": "usage",
        "__keywatch.errors.partition": "1",
        "__keywatch.errors.offset": "7",
        "__keywatch.errors.stage": "decode",
    }


def test_settings_print_no_secret_and_give_it_to_the_client() -> None:
    settings = KafkaSettings(
        "b:1", "t", security={"sasl_plain_password": Secret("hunter2"), "ssl_cafile": "ca"}
    )
    assert "hunter2" not in repr(settings)
    assert settings.revealed() == {"sasl_plain_password": "hunter2", "ssl_cafile": "ca"}


def test_an_option_that_is_not_about_security_is_refused() -> None:
    with pytest.raises(Fatal, match=r"kafka\.security\.enable_auto_commit"):
        KafkaSettings("b:1", "t", security={"enable_auto_commit": "true"}).revealed()


@pytest.fixture
def letter() -> DeadLetter:
    return DeadLetter("usage", 1, 7, b"k", b"\xff\x00", [("h", None)], "not_json", "line 1")


@pytest.mark.filterwarnings("ignore:.*_text is deprecated:DeprecationWarning")
def test_rejects_of_a_replay_are_lines_that_hold_any_bytes(tmp_path: Path, letter: DeadLetter) -> None:
    from monitor.source.dead_letter import FileDeadLetters

    rejects = FileDeadLetters(tmp_path / "rejects.jsonl")
    rejects.send(letter)
    rejects.flush()
    rejects.flush()
    (line,) = (tmp_path / "rejects.jsonl").read_text().splitlines()
    found = json.loads(line)
    assert base64.b64decode(found["value"]) == b"\xff\x00"
    assert (found["exception"], found["offset"], found["headers"]) == ("not_json", 7, [["h", None]])


@pytest.mark.filterwarnings("ignore:.*_text is deprecated:DeprecationWarning")
def test_a_reject_that_cannot_be_written_waits_for_the_next_flush(tmp_path: Path, letter: DeadLetter) -> None:
    from monitor.source.dead_letter import FileDeadLetters

    rejects = FileDeadLetters(tmp_path / "later" / "rejects.jsonl")
    rejects.send(letter)
    with pytest.raises(Transient, match="cannot write rejects"):
        rejects.flush()
    (tmp_path / "later").mkdir()
    rejects.flush()
    assert rejects.path.read_text().count("\n") == 1


@pytest.mark.filterwarnings("ignore:.*_text is deprecated:DeprecationWarning")
def test_dropped_rejects_are_counted_by_reason(letter: DeadLetter) -> None:
    from monitor.source.dead_letter import NullDeadLetters

    rejects = NullDeadLetters()
    rejects.send(letter)
    rejects.flush()
    assert rejects.counts == {"not_json": 1}
