"""The audit log is whole, or says where it is not: on the double and on a real Redis."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
import redis
from hypothesis import given
from hypothesis import strategies as st

from alerting.audit import MemoryAudit, RedisAudit
from alerting.audit_chain import EMPTY, Anchor, Stored, parse_anchor, verify
from domain.clock import ManualClock
from domain.desk import AuditEntry
from domain.errors import Fatal, Rejected
from domain.secret import Secret

NO_KEY = Secret("")
KEY = Secret("a long key of an operator")


def filled(count: int = 5, key: Secret = NO_KEY) -> MemoryAudit:
    audit = MemoryAudit(ManualClock(1.0), key)
    for number in range(count):
        audit.write(who="ada", what="reinstate", key_id=f"key_{number}", case_id="", why="office")
    return audit


def checked(log: list[Stored], head: Anchor, anchor: Anchor | None = None, key: Secret = NO_KEY) -> str:
    """What verification says is wrong, empty if nothing."""
    try:
        verify(log, head, anchor, key)
    except Fatal as error:
        return str(error)
    return ""


def test_a_log_as_it_was_written_verifies() -> None:
    audit = filled()
    assert verify(audit.log, audit.head(), None, NO_KEY) == audit.head()
    assert verify([], EMPTY, None, NO_KEY) == EMPTY
    assert [entry.key_id for entry in audit.page(limit=2)] == ["key_4", "key_3"]
    assert [entry.seq for entry in audit.page(before=3)] == [2, 1]


@given(at=st.integers(0, 4), data=st.binary(min_size=1, max_size=8), where=st.integers(0, 40))
def test_any_change_of_any_byte_is_found(at: int, data: bytes, where: int) -> None:
    audit = filled()
    entry = audit.log[at]
    line = entry.line[:where] + data + entry.line[where + len(data) :]
    if line == entry.line:
        return
    log = [*audit.log[:at], msgspec.structs.replace(entry, line=line), *audit.log[at + 1 :]]
    assert f"entry {at + 1} was edited" in checked(log, audit.head())


def test_a_missing_moved_or_cut_off_entry_is_found() -> None:
    audit = filled()
    log, head = audit.log, audit.head()
    assert "entry 2 is missing" in checked([log[0], *log[2:]], head)
    assert "entry 2" in checked([log[0], log[2], log[1], *log[3:]], head)
    assert "entry 5 is missing" in checked(log[:4], head)
    assert "entry 1 is missing" in checked(log[1:], head)


def test_numbers_made_to_fit_do_not_hide_a_move() -> None:
    log = filled().log
    moved = [msgspec.structs.replace(log[2], place=2), msgspec.structs.replace(log[1], place=3)]
    assert "entry 2 was edited or moved" in checked([log[0], *moved, *log[3:]], filled().head())


def test_a_log_cut_with_its_head_shows_beside_an_anchor_alone() -> None:
    audit = filled()
    anchor = audit.head()
    short, head = audit.log[:3], Anchor(seq=3, hash=audit.log[2].hash)
    assert checked(short, head) == ""
    assert "entry 4 is missing: the anchor saw 5" in checked(short, head, anchor)


def test_a_log_written_anew_shows_beside_an_anchor_or_a_key() -> None:
    anchor, forged = filled(key=KEY).head(), MemoryAudit(ManualClock(2.0))
    for number in range(5):
        forged.write(who="eve", what="reinstate", key_id=f"key_{number}", case_id="", why="nothing")
    assert checked(forged.log, forged.head()) == ""
    assert "entry 5 is not the one the anchor" in checked(forged.log, forged.head(), anchor)
    assert "entry 1 was not written with this key" in checked(forged.log, forged.head(), key=KEY)
    assert checked(filled(key=KEY).log, filled(key=KEY).head(), key=KEY) == ""


def test_an_anchor_reads_back_and_nonsense_is_rejected() -> None:
    anchor = filled().head()
    assert parse_anchor(str(anchor)) == anchor
    with pytest.raises(Rejected):
        parse_anchor("5")


# -- Redis -------------------------------------------------------------------------------------------


@pytest.fixture
def client(redis_url: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(redis_url) as connection:
        yield connection


def whole(audit: RedisAudit, anchor: Anchor | None = None) -> str:
    return checked(list(audit.stored()), audit.head(), anchor, KEY)


def _said(entry: AuditEntry) -> tuple[object, ...]:
    return entry.seq, entry.ts_ms, entry.who, entry.what, entry.key_id, entry.why


@pytest.mark.redis
def test_redis_keeps_the_same_chain(client: redis.Redis) -> None:
    audit, double = RedisAudit(client, ManualClock(1.0), KEY), filled(key=KEY)
    for number in range(5):
        audit.write(who="ada", what="reinstate", key_id=f"key_{number}", case_id="", why="office")
    assert [_said(entry) for entry in audit.page()] == [_said(entry) for entry in double.page()]
    assert [entry.seq for entry in audit.page(before=3)] == [2, 1]
    assert whole(audit) == ""


@pytest.mark.redis
def test_writers_at_once_make_one_chain(client: redis.Redis) -> None:
    audit = RedisAudit(client, ManualClock(1.0), KEY)

    def write() -> None:
        for _ in range(25):
            audit.write(who="ada", what="comment", key_id="k", case_id="c", why="w")

    threads = [threading.Thread(target=write) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert audit.head().seq == 75
    assert whole(audit) == ""


@pytest.mark.redis
def test_a_call_sent_again_appends_once(client: redis.Redis) -> None:
    audit = RedisAudit(client, ManualClock(1.0))
    audit.write(who="ada", what="comment", key_id="k", case_id="c", why="w")
    (first,) = audit.stored()
    assert audit._append(first, EMPTY)  # as redis-py does when a reply is lost
    audit.write(who="bob", what="comment", key_id="k", case_id="c", why="w")
    assert audit._append(first, EMPTY)
    assert audit.head().seq == 2


@pytest.mark.redis
@pytest.mark.parametrize("tamper", ["edit", "delete", "cut", "lose the head"])
def test_tampering_in_redis_is_found(client: redis.Redis, tamper: str) -> None:
    audit: Any = RedisAudit(client, ManualClock(1.0), KEY)
    for number in range(4):
        audit.write(who="ada", what="comment", key_id=f"key_{number}", case_id="c", why="w")
    anchor = audit.head()
    if tamper == "edit":  # ids only rise, so an editor writes the whole stream anew
        entries: Any = client.xrange(audit.LOG)
        client.delete(audit.LOG)
        for number, fields in entries:
            changed = {**fields, b"line": fields[b"line"].replace(b"key_1", b"key_9")}
            client.xadd(audit.LOG, changed, number)
        assert "entry 2 was edited" in whole(audit)
    elif tamper == "delete":
        client.xdel(audit.LOG, "2-0")
        assert "entry 2 is missing" in whole(audit, anchor)
    elif tamper == "cut":
        client.xdel(audit.LOG, "4-0")
        assert "entry 4 is missing" in whole(audit)
    else:
        client.delete(audit.HEAD)
        assert whole(audit) != ""
        with pytest.raises(Fatal):
            audit.write(who="ada", what="comment", key_id="k", case_id="c", why="w")
