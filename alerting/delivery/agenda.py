"""What is to be done and when: messages, reminders, people's acts. Each item is taken by one worker.

A sorted set by due time, claimed item by item. A claim has a lease and a fencing token: when the lease
runs out another worker may take the item, and what the first one then reports is refused. Putting an
item that is there already makes one visit of both, and one that is being worked on is visited again.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any, Final, Protocol

from domain.redis_errors import redis_errors

LOOKED_AT: Final = 50
"""Items whose age is asked for: the oldest of those first due is near enough to the oldest of all."""


@dataclass(frozen=True, slots=True)
class Task:
    """An item in somebody's hands. ``tries`` counts this one; ``since_ms`` is when it was first put."""

    item: str
    token: int
    wanted: int
    tries: int
    since_ms: int


@dataclass(frozen=True, slots=True)
class Backlog:
    """How much waits. ``oldest_ms``: when the oldest item that is due was first put, None without one."""

    waiting: int
    oldest_ms: int | None


class Agenda(Protocol):
    """Times are epoch milliseconds of the caller's clock."""

    def put(self, item: str, due_ms: int, now_ms: int) -> None:
        """Have it done; the earlier time wins."""

    def take(self, now_ms: int, lease_ms: int) -> Task | None:
        """The item that is longest due, ours until the lease ends; None when nothing is due."""

    def done(self, task: Task) -> bool:
        """It is done, unless it was put again meanwhile. False: the claim was lost."""

    def again(self, task: Task, due_ms: int, *, failed: bool = True) -> bool:
        """Give it back for later; ``failed`` counts as a try. False: the claim was lost."""

    def cancel(self, item: str) -> None:
        """It need not be done any more."""

    def backlog(self, now_ms: int) -> Backlog:
        """What is due and not done."""


# KEYS due, state of the item. ARGV item, due, now.
_PUT: Final = """#!lua
redis.call('HINCRBY', KEYS[2], 'wanted', 1)
redis.call('HSETNX', KEYS[2], 'since', ARGV[3])
local next = redis.call('HGET', KEYS[2], 'next')
if not next or tonumber(ARGV[2]) < tonumber(next) then redis.call('HSET', KEYS[2], 'next', ARGV[2]) end
if redis.call('HEXISTS', KEYS[2], 'token') == 0 then
  redis.call('ZADD', KEYS[1], redis.call('HGET', KEYS[2], 'next'), ARGV[1])
end
return 1
"""

# KEYS due, state of the item, counter. ARGV item, now, lease. Answers nothing if another was faster.
_TAKE: Final = """#!lua
local due = redis.call('ZSCORE', KEYS[1], ARGV[1])
if not due or tonumber(due) > tonumber(ARGV[2]) then return false end
local token = redis.call('INCR', KEYS[3])
redis.call('ZADD', KEYS[1], ARGV[2] + ARGV[3], ARGV[1])
redis.call('HSET', KEYS[2], 'token', token)
redis.call('HDEL', KEYS[2], 'next')
local tries = redis.call('HINCRBY', KEYS[2], 'tries', 1)
local state = redis.call('HMGET', KEYS[2], 'wanted', 'since')
return {token, tonumber(state[1] or 0), tries, tonumber(state[2] or ARGV[2])}
"""

# KEYS due, state of the item. ARGV item, token, wanted.
_DONE: Final = """#!lua
local state = redis.call('HMGET', KEYS[2], 'token', 'wanted', 'next')
if state[1] ~= ARGV[2] then return 0 end
if state[2] == ARGV[3] then
  redis.call('ZREM', KEYS[1], ARGV[1])
  redis.call('DEL', KEYS[2])
else
  redis.call('HDEL', KEYS[2], 'token', 'tries')
  redis.call('ZADD', KEYS[1], state[3] or 0, ARGV[1])
end
return 1
"""

# KEYS due, state of the item. ARGV item, token, due, whether the try counts.
_AGAIN: Final = """#!lua
if redis.call('HGET', KEYS[2], 'token') ~= ARGV[2] then return 0 end
redis.call('HDEL', KEYS[2], 'token')
redis.call('HSET', KEYS[2], 'next', ARGV[3])
if ARGV[4] == '0' then redis.call('HINCRBY', KEYS[2], 'tries', -1) end
redis.call('ZADD', KEYS[1], ARGV[3], ARGV[1])
return 1
"""


class RedisAgenda:
    """All keys share the tag ``{alerts}``. ``name`` keeps agendas apart."""

    def __init__(self, client: Any, name: str) -> None:
        self._redis = client
        self._due = f"kw:{{alerts}}:agenda:{name}"

    def _state(self, item: str) -> str:
        digest = hashlib.blake2b(item.encode(), digest_size=16).hexdigest()
        return f"{self._due}:{digest}"

    @redis_errors("agenda")
    def put(self, item: str, due_ms: int, now_ms: int) -> None:
        self._redis.eval(_PUT, 2, self._due, self._state(item), item, due_ms, now_ms)

    @redis_errors("agenda")
    def take(self, now_ms: int, lease_ms: int) -> Task | None:
        for raw in self._redis.zrangebyscore(self._due, "-inf", now_ms, start=0, num=20):
            item = raw.decode()
            keys = (self._due, self._state(item), f"{self._due}:tokens")
            if answer := self._redis.eval(_TAKE, 3, *keys, item, now_ms, lease_ms):
                return Task(item, *map(int, answer))
        return None

    @redis_errors("agenda")
    def done(self, task: Task) -> bool:
        args = (task.item, task.token, task.wanted)
        return bool(self._redis.eval(_DONE, 2, self._due, self._state(task.item), *args))

    @redis_errors("agenda")
    def again(self, task: Task, due_ms: int, *, failed: bool = True) -> bool:
        args = (task.item, task.token, due_ms, int(failed))
        return bool(self._redis.eval(_AGAIN, 2, self._due, self._state(task.item), *args))

    @redis_errors("agenda")
    def cancel(self, item: str) -> None:
        pipe = self._redis.pipeline(transaction=False)
        pipe.zrem(self._due, item)
        pipe.delete(self._state(item))
        pipe.execute()

    @redis_errors("agenda")
    def backlog(self, now_ms: int) -> Backlog:
        waiting = int(self._redis.zcount(self._due, "-inf", now_ms))
        first = self._redis.zrange(self._due, 0, LOOKED_AT - 1, withscores=True)
        pipe = self._redis.pipeline(transaction=False)
        for raw, _ in first:
            pipe.hmget(self._state(raw.decode()), "since", "tries")
        states = zip(first, pipe.execute(), strict=True)
        late = [
            int(since) for (_, due), (since, tries) in states if since and (due <= now_ms or int(tries or 0))
        ]
        return Backlog(waiting, min(late, default=None))


@dataclass(slots=True)
class _Item:
    due_ms: int
    since_ms: int
    wanted: int = 0
    tries: int = 0
    token: int | None = None
    next_ms: int | None = None


class MemoryAgenda:
    """The same contract, gone with the process."""

    def __init__(self) -> None:
        self._items: dict[str, _Item] = {}
        self._tokens = 0

    def put(self, item: str, due_ms: int, now_ms: int) -> None:
        known = self._items.setdefault(item, _Item(due_ms, now_ms, next_ms=due_ms))
        known.wanted += 1
        known.next_ms = due_ms if known.next_ms is None else min(due_ms, known.next_ms)
        if known.token is None:
            known.due_ms = known.next_ms

    def take(self, now_ms: int, lease_ms: int) -> Task | None:
        due = [(known.due_ms, item) for item, known in self._items.items() if known.due_ms <= now_ms]
        if not due:
            return None
        item = min(due)[1]
        known = self._items[item]
        self._tokens += 1
        known.token, known.due_ms, known.next_ms = self._tokens, now_ms + lease_ms, None
        known.tries += 1
        return Task(item, self._tokens, known.wanted, known.tries, known.since_ms)

    def _held(self, task: Task) -> _Item | None:
        known = self._items.get(task.item)
        return known if known and known.token == task.token else None

    def done(self, task: Task) -> bool:
        known = self._held(task)
        if known is None:
            return False
        if known.wanted == task.wanted:
            del self._items[task.item]
        else:
            known.token, known.tries, known.due_ms = None, 0, known.next_ms or 0
        return True

    def again(self, task: Task, due_ms: int, *, failed: bool = True) -> bool:
        known = self._held(task)
        if known is None:
            return False
        known.token, known.due_ms, known.next_ms = None, due_ms, due_ms
        known.tries -= not failed
        return True

    def cancel(self, item: str) -> None:
        self._items.pop(item, None)

    def backlog(self, now_ms: int) -> Backlog:
        items = self._items.values()
        waiting = sum(known.due_ms <= now_ms for known in items)
        late = [known.since_ms for known in items if known.due_ms <= now_ms or known.tries]
        return Backlog(waiting, min(late, default=None))
