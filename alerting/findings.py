"""The findings of the last days and what became of them, in Redis; their double is beside it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from alerting.found import DAY_MS, PART_MS, FindingCounts, Keep, action_counts, fits, listing_of, listings_of
from alerting.listing import id_of, member_at, read_listing
from domain.decision import Action
from domain.overview import FindingPage, FindingQuery, FoundFinding
from domain.redis_errors import redis_errors

_encode: Final = msgspec.json.Encoder(order="deterministic").encode
_decode: Final = msgspec.json.Decoder(FoundFinding).decode
STEP: Final = 100
"""Findings removed at once, and how far the bound may be passed before they are."""

# KEYS found, counts, alerted, then the listings, of which the first holds all.
# ARGV id, finding, member, part of the day, alerts, key alerted or '', now, a day ago, parts of a day.
# Answers how many there are, 0 when the finding was there already.
_WRITE: Final = """#!lua flags=allow-oom
if redis.call('HSETNX', KEYS[1], ARGV[1], ARGV[2]) == 0 then return 0 end
for i = 4, #KEYS do redis.call('ZADD', KEYS[i], 0, ARGV[3]) end
if redis.call('HINCRBY', KEYS[2], 'found:' .. ARGV[4], 1) == 1 then
  for _, name in ipairs(redis.call('HKEYS', KEYS[2])) do
    if tonumber(string.match(name, '%d+$')) <= ARGV[4] - ARGV[9] then redis.call('HDEL', KEYS[2], name) end
  end
end
if ARGV[5] ~= '0' then redis.call('HINCRBY', KEYS[2], 'told:' .. ARGV[4], ARGV[5]) end
if ARGV[6] ~= '' then
  redis.call('ZADD', KEYS[3], ARGV[7], ARGV[6])
  redis.call('ZREMRANGEBYSCORE', KEYS[3], '-inf', ARGV[8])
end
return redis.call('ZCARD', KEYS[4])
"""


class RedisFindingStore:
    """All keys share the tag ``{findings}``. About 2 kB a finding."""

    FOUND: Final = "kw:{findings}:found"
    COUNTS: Final = "kw:{findings}:counts"
    ALERTED: Final = "kw:{findings}:alerted"

    def __init__(self, client: Any, keep: Keep) -> None:
        self._redis = client
        self._keep = keep

    @redis_errors("findings")
    def write(self, found: FoundFinding, *, loud: bool, now_ms: int) -> None:
        listings = [_key(name) for name in listings_of(found)]
        keys = [self.FOUND, self.COUNTS, self.ALERTED, *listings]
        alerted = found.finding.key_id if found.action is not Action.OBSERVE else ""
        args = [found.finding.id, _encode(found), member_of(found), now_ms // PART_MS, int(loud), alerted]
        args += [now_ms, now_ms - DAY_MS, DAY_MS // PART_MS]
        count = int(self._redis.eval(_WRITE, len(keys), *keys, *args))
        if count > self._keep.count + STEP:
            self._drop(self._oldest(count - self._keep.count))

    @redis_errors("findings")
    def page(self, query: FindingQuery) -> FindingPage:
        listing = _key(listing_of(query))

        def below(cursor: str, limit: int) -> Sequence[str]:
            top = f"({cursor}" if cursor else "+"
            found: Sequence[bytes] = self._redis.zrevrangebylex(listing, top, "-", 0, limit)
            return [member.decode() for member in found]

        return FindingPage(
            *read_listing(
                query.cursor, query.limit, below, self._many, lambda found: fits(found, query), member_of
            )
        )

    def _many(self, ids: Sequence[str]) -> list[FoundFinding]:
        if not ids:
            return []
        return [_decode(raw) for raw in self._redis.hmget(self.FOUND, ids) if raw]

    @redis_errors("findings")
    def counts(self, now_ms: int) -> FindingCounts:
        pipe = self._redis.pipeline(transaction=False)
        pipe.hgetall(self.COUNTS)
        pipe.zcount(self.ALERTED, f"({now_ms - DAY_MS}", "+inf")
        counted, alerted = pipe.execute()
        return action_counts({name.decode(): int(n) for name, n in counted.items()}, int(alerted), now_ms)

    @redis_errors("findings")
    def prune(self, now_ms: int, steps: int = 100) -> int:
        """Remove what is older than ``keep.days``, and above ``keep.count``; how many were removed."""
        limit, gone = member_at(now_ms - self._keep.days * DAY_MS, ""), 0
        over = self._redis.zcard(_key("all")) - self._keep.count
        for _ in range(steps):
            oldest = self._oldest(STEP)
            due = [m for i, m in enumerate(oldest) if i + gone < over or m < limit]
            self._drop(due)
            gone += len(due)
            if len(due) < STEP:
                break
        return gone

    def _oldest(self, count: int) -> list[str]:
        found: Sequence[bytes] = self._redis.zrange(_key("all"), 0, min(count, STEP) - 1)
        return [member.decode() for member in found]

    def _drop(self, members: Sequence[str]) -> None:
        """Last from the listing of all, so that what stopped half-way is done again."""
        if not members:
            return
        pipe = self._redis.pipeline(transaction=False)
        for found in self._many([id_of(member) for member in members]):
            for listing in listings_of(found)[1:]:
                pipe.zrem(_key(listing), member_of(found))
        pipe.hdel(self.FOUND, *(id_of(member) for member in members))
        pipe.zrem(_key("all"), *members)
        pipe.execute()


class MemoryFindingStore:
    """The same contract, gone with the process."""

    def __init__(self, keep: Keep) -> None:
        self._keep = keep
        self._found: dict[str, FoundFinding] = {}
        self._counts: dict[str, int] = {}
        self._alerted: dict[str, int] = {}

    def write(self, found: FoundFinding, *, loud: bool, now_ms: int) -> None:
        if found.finding.id in self._found:
            return
        self._found[found.finding.id] = found
        part = now_ms // PART_MS
        for name, count in (("found", 1), ("told", int(loud))):
            self._counts[f"{name}:{part}"] = self._counts.get(f"{name}:{part}", 0) + count
        if found.action is not Action.OBSERVE:
            self._alerted[found.finding.key_id] = now_ms
        if len(self._found) > self._keep.count + STEP:
            for old in self._oldest()[: len(self._found) - self._keep.count]:
                del self._found[old.finding.id]

    def _oldest(self) -> list[FoundFinding]:
        return sorted(self._found.values(), key=member_of)

    def page(self, query: FindingQuery) -> FindingPage:
        listing = listing_of(query)

        def below(cursor: str, limit: int) -> Sequence[str]:
            listed = (member_of(found) for found in self._found.values() if listing in listings_of(found))
            return sorted((m for m in listed if not cursor or m < cursor), reverse=True)[:limit]

        def many(ids: Sequence[str]) -> list[FoundFinding]:
            return [self._found[found_id] for found_id in ids]

        return FindingPage(
            *read_listing(query.cursor, query.limit, below, many, lambda found: fits(found, query), member_of)
        )

    def counts(self, now_ms: int) -> FindingCounts:
        alerted = sum(ms > now_ms - DAY_MS for ms in self._alerted.values())
        return action_counts(self._counts, alerted, now_ms)

    def prune(self, now_ms: int, steps: int = 100) -> int:
        limit = member_at(now_ms - self._keep.days * DAY_MS, "")
        oldest, over = self._oldest(), len(self._found) - self._keep.count
        due = [found for i, found in enumerate(oldest) if i < over or member_of(found) < limit]
        for found in due[: steps * STEP]:
            del self._found[found.finding.id]
        return len(due[: steps * STEP])


def member_of(found: FoundFinding) -> str:
    """The finding's place in every listing, by the time of its event."""
    return member_at(found.finding.ts_ms, found.finding.id)


def _key(listing: str) -> str:
    return f"kw:{{findings}}:listing:{listing}"
