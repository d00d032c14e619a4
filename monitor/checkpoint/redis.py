"""State in Redis: one hash slot a partition, one script a commit."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, TypeVar

import redis
from redis.cluster import RedisCluster

from domain.acl import lacking_words
from domain.errors import Fatal, Reason, Transient
from monitor.checkpoint.base import NO_OFFSET, SCHEMA, Claim, Commit, CommitResult, require_known
from monitor.checkpoint.codec import SAMPLES_KEPT, parse_window_field, window_field
from monitor.checkpoint.growth import MOVED, from_elsewhere

Client = redis.Redis | RedisCluster
T = TypeVar("T")

SCAN_ROWS: Final = 1000
"""Rows that one step of a scan looks at: about a millisecond of the server's time."""

# Redis does not roll back, so everything that can fail is checked before the first write; the first
# XADD goes first because a wrong id is only found by doing it.
COMMIT: Final = b"""
local meta, profiles, windows, outbox, samples = unpack(KEYS)
local expected, fence, kept = ARGV[1], ARGV[2], tonumber(ARGV[3])
local current = redis.call('HGET', meta, 'fence') or ''
if current == fence then return 'done' end
if current ~= expected then return 'fenced' end
local sizes, total = {}, 10
for i = 1, 7 do
  sizes[i] = tonumber(ARGV[3 + i])
  total = total + sizes[i]
end
if total ~= #ARGV then return redis.error_reply('ERR keywatch: argument count') end
local types = {meta='hash', profiles='hash', windows='hash', outbox='stream', samples='list'}
local names = {'meta', 'profiles', 'windows', 'outbox', 'samples'}
for i, key in ipairs(KEYS) do
  local found = redis.call('TYPE', key).ok
  if found ~= 'none' and found ~= types[names[i]] then
    return redis.error_reply('ERR keywatch: ' .. key .. ' is a ' .. found)
  end
end
local at = 10
for i = 1, sizes[5], 2 do
  redis.call('XADD', outbox, ARGV[at + sizes[1] + sizes[2] + sizes[3] + sizes[4] + i], 'f',
    ARGV[at + sizes[1] + sizes[2] + sizes[3] + sizes[4] + i + 1])
end
local function each(size, call)
  for first = 1, size, 1000 do
    call(unpack(ARGV, at + first, at + math.min(first + 999, size)))
  end
  at = at + size
end
each(sizes[1], function(...) redis.call('HSET', meta, ...) end)
each(sizes[2], function(...) redis.call('HSET', profiles, ...) end)
each(sizes[3], function(...) redis.call('HSET', windows, ...) end)
each(sizes[4], function(...) redis.call('HDEL', windows, ...) end)
at = at + sizes[5]
each(sizes[6], function(...) redis.call('LPUSH', samples, ...) end)
each(sizes[7], function(...) redis.call('HDEL', profiles, ...) end)
if sizes[6] > 0 then redis.call('LTRIM', samples, 0, kept - 1) end
redis.call('HSET', meta, 'fence', fence)
return 'applied'
"""
_COMMIT_SHA: Final = hashlib.sha1(COMMIT, usedforsecurity=False).hexdigest()


class RedisStateStore:
    """Keys are ``kw:{topic:partition}:meta|profiles|windows|outbox|samples``.

    Safe to retry: a commit whose reply was lost answers ``done``. Works on Redis and Redis Cluster.
    """

    def __init__(self, client: Client, topic: str) -> None:
        self.topic = topic
        self._redis: Any = client
        self._counts: list[int] = []
        self._counts_key = f"kw:counts:{topic}"

    def key(self, partition: int, part: str) -> str:
        """The name of one of the partition's keys."""
        return f"kw:{{{self.topic}:{partition}}}:{part}"

    def claim(self, partition: int, fence: bytes) -> Claim:
        meta_key = self.key(partition, "meta")
        require_known(partition, _answered(lambda: self._redis.hget(meta_key, SCHEMA)))
        _answered(lambda: self._redis.hset(meta_key, "fence", fence))
        _answered(lambda: self._redis.sadd(f"kw:partitions:{self.topic}", partition))
        meta: dict[bytes, bytes] = _answered(lambda: self._redis.hgetall(meta_key))
        if meta.get(b"fence") != fence:
            raise Transient(
                Reason.CONFLICT, f"partition {partition} was claimed by another consumer meanwhile"
            )
        windows: dict[bytes, bytes] = _answered(lambda: self._redis.hgetall(self.key(partition, "windows")))
        values = {name.decode(): value for name, value in meta.items()}
        offset = int(values.get("offset", NO_OFFSET))
        return Claim(fence, offset, values, {parse_window_field(f): row for f, row in windows.items()})

    def partitions(self) -> list[int]:
        """Every partition that was ever claimed."""
        members: set[bytes] = _answered(lambda: self._redis.smembers(f"kw:partitions:{self.topic}"))
        return sorted(int(number) for number in members)

    def begun(self, partition: int) -> bool:
        """Whether anything was ever committed to the partition; claims nothing."""
        found = _answered(lambda: self._redis.hmget(self.key(partition, "meta"), "offset", "watermark_ms"))
        return found[0] not in (None, b"%d" % NO_OFFSET) or found[1] is not None

    def fleets(self) -> dict[int, bytes]:
        """The fleet row of every partition that was ever claimed, as its last commit left it."""
        numbers = self.partitions()
        rows = {n: _answered(lambda n=n: self._redis.hget(self.key(n, "meta"), "fleet")) for n in numbers}  # type: ignore[misc]
        return {n: raw for n, raw in rows.items() if raw}

    def profiles_named(self, partition: int, pattern: str) -> Iterator[tuple[str, bytes]]:
        """Key ids that match a Redis glob, and their rows. Reads the whole partition, a part at a time."""
        key, cursor = self.key(partition, "profiles"), 0
        while True:
            cursor, found = _answered(
                lambda at=cursor: self._redis.hscan(key, at, match=pattern, count=SCAN_ROWS)  # type: ignore[misc]
            )
            yield from ((key_id.decode(), row) for key_id, row in found.items())
            if not cursor:
                return

    def offset(self, partition: int) -> int:
        """The next record to read after the partition's last commit, ``NO_OFFSET`` before the first."""
        raw: bytes | None = _answered(lambda: self._redis.hget(self.key(partition, "meta"), "offset"))
        return NO_OFFSET if raw is None else int(raw)

    def load_profiles(self, partition: int, key_ids: Sequence[str]) -> list[bytes | None]:
        if not key_ids:
            return []
        fields = [key_id.encode() for key_id in key_ids]
        rows: list[bytes | None] = _answered(
            lambda: self._redis.hmget(self.key(partition, "profiles"), fields)
        )
        return rows

    def from_elsewhere(self, partition: int, key_ids: Sequence[str]) -> list[bytes | None]:
        return from_elsewhere(partition, key_ids, self._counts, self.load_profiles)

    def counts(self) -> dict[int, bool]:
        """Partition counts the topic had or has -> whether all profiles were moved away from there."""
        known: dict[bytes, bytes] = _answered(lambda: self._redis.hgetall(self._counts_key))
        if not known and (claimed := self.partitions()):
            # state from before counts were kept: what was claimed tells how many there were
            return {max(claimed) + 1: False}
        return {int(count): state == MOVED for count, state in known.items()}

    def note_partitions(self, count: int) -> list[int]:
        if count not in self._counts:
            for had in {*self.counts(), count}:
                _answered(lambda had=had: self._redis.hsetnx(self._counts_key, had, b""))  # type: ignore[misc]
        known = self.counts()
        self._counts = sorted(known)
        return sorted(had for had, moved in known.items() if had < count and not moved)

    def moving(self) -> str:
        """The move of profiles that is under way, empty when none is."""
        raw: bytes | None = _answered(lambda: self._redis.get(f"kw:moving:{self.topic}"))
        return (raw or b"").decode()

    def begin_moving(self, target: str) -> None:
        """All fleet rows of this move are laid by."""
        _answered(lambda: self._redis.set(f"kw:moving:{self.topic}", target))

    def end_moving(self) -> None:
        """Nothing of it is left to do."""
        _answered(lambda: self._redis.delete(f"kw:moving:{self.topic}"))

    def note_moved(self, count: int) -> None:
        """All profiles lie where ``count`` partitions have them."""
        before = [had for had in self._counts if had < count]
        if before:
            moved = dict.fromkeys(before, MOVED)
            _answered(lambda: self._redis.hset(self._counts_key, mapping=moved))

    def commit(self, partition: int, commit: Commit) -> CommitResult:
        keys = [self.key(partition, p) for p in ("meta", "profiles", "windows", "outbox", "samples")]
        args = _arguments(commit)
        answer: bytes = _answered(lambda: self._evaluate(keys, args), COMMIT.decode())
        return CommitResult(answer.decode())

    def _evaluate(self, keys: list[str], args: list[bytes | int]) -> bytes:
        try:
            answer: bytes = self._redis.evalsha(_COMMIT_SHA, len(keys), *keys, *args)
        except redis.exceptions.NoScriptError:
            answer = self._redis.eval(COMMIT, len(keys), *keys, *args)
        return answer

    def samples(self, partitions: Sequence[int]) -> list[bytes]:
        rows: list[bytes] = []
        for partition in partitions:
            key = self.key(partition, "samples")
            rows += _answered(lambda key=key: self._redis.lrange(key, 0, SAMPLES_KEPT - 1))  # type: ignore[misc]
        return rows


def _arguments(commit: Commit) -> list[bytes | int]:
    meta: list[bytes | int] = [b"offset", commit.offset]
    for name, value in commit.meta.items():
        meta += [name.encode(), value]
    profiles = [part for key_id, row in commit.profiles.items() for part in (key_id.encode(), row)]
    windows = [part for name, row in commit.windows.items() for part in (window_field(*name), row)]
    closed = [window_field(*name) for name in commit.closed]
    outbox = [part for pair in _entry_ids(commit.outbox) for part in pair]
    left = [key_id.encode() for key_id in commit.left]
    groups: list[Sequence[bytes | int]] = [meta, profiles, windows, closed, outbox, commit.samples, left]
    head: list[bytes | int] = [commit.expected, commit.fence, SAMPLES_KEPT, *map(len, groups)]
    return head + [part for group in groups for part in group]


def _entry_ids(outbox: list[tuple[int, bytes]]) -> list[tuple[bytes, bytes]]:
    """Stream ids made from record offsets: the same finding has the same id in every run."""
    entries, last, sequence = [], -1, 0
    for offset, raw in outbox:
        if offset < last:
            raise ValueError(f"outbox entries must come in offset order: {offset} after {last}")
        sequence = sequence + 1 if offset == last else 0
        last = offset
        entries.append((b"%d-%d" % (offset + 1, sequence), raw))
    return entries


def _answered(call: Callable[[], T], script: str = "") -> T:
    """Run one Redis call, with its errors in our words; of a ``script`` the line that failed is known."""
    try:
        return call()
    except redis.exceptions.AuthenticationError as error:
        raise Fatal(Reason.CREDENTIALS, "Redis refused our credentials: check redis.url") from error
    except redis.exceptions.TimeoutError as error:
        raise Transient(Reason.TIMEOUT, f"Redis did not answer in time: {error}") from error
    except redis.exceptions.OutOfMemoryError as error:
        raise Transient(Reason.SERVER_ERROR, "Redis is out of memory: raise maxmemory") from error
    except redis.exceptions.ConnectionError as error:
        raise Transient(Reason.UNREACHABLE, f"cannot reach Redis: {error}; check redis.url") from error
    except (redis.exceptions.BusyLoadingError, redis.exceptions.ClusterDownError) as error:
        raise Transient(Reason.SERVER_ERROR, f"Redis is not ready: {error}") from error
    except redis.exceptions.ResponseError as error:
        if words := lacking_words(str(error), script):
            raise Fatal(Reason.CREDENTIALS, words) from error
        raise Fatal(Reason.CORRUPT, f"Redis refused a command: {error}") from error
