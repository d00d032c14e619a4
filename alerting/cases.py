"""Cases in Redis, and their double in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from alerting.case_index import (
    allowed_until,
    due_ms,
    forgettable,
    listings_of,
    member_of,
    read_page,
    scored,
    state_listing,
    with_verdict,
)
from alerting.listing import id_of, key_listing, member_at
from domain.case import Case, CaseState, Verdict
from domain.errors import Reason, Refused
from domain.ports import CasePage, CaseQuery, Score
from domain.redis_errors import redis_errors

_encode: Final = msgspec.json.Encoder(order="deterministic").encode
_decode: Final = msgspec.json.Decoder(Case).decode

# KEYS: case, open, due, allowing, scores, key's scores, the four states, then the other listings.
# ARGV: case, version, id, member, state's number, due, allowed until, verdict, detectors...
_PUT: Final = """#!lua flags=allow-oom
local stored = redis.call('HGET', KEYS[1], 'version') or '0'
if stored == ARGV[2] and redis.call('HGET', KEYS[1], 'case') == ARGV[1] then return 1 end
if tonumber(stored) + 1 ~= tonumber(ARGV[2]) then return 0 end
local state, open = tonumber(ARGV[5]), redis.call('GET', KEYS[2])
if state == 1 and open and open ~= ARGV[3] then return 0 end
redis.call('HSET', KEYS[1], 'case', ARGV[1], 'version', ARGV[2])
if state == 1 then
  redis.call('SET', KEYS[2], ARGV[3])
elseif open == ARGV[3] then
  redis.call('DEL', KEYS[2])
end
for i = 1, 2 do
  if ARGV[5 + i] == '' then redis.call('ZREM', KEYS[2 + i], ARGV[3])
  else redis.call('ZADD', KEYS[2 + i], ARGV[5 + i], ARGV[3]) end
end
for i = 1, 4 do
  if i == state then redis.call('ZADD', KEYS[6 + i], 0, ARGV[4])
  else redis.call('ZREM', KEYS[6 + i], ARGV[4]) end
end
for i = 11, #KEYS do redis.call('ZADD', KEYS[i], 0, ARGV[4]) end
if ARGV[8] ~= '' and redis.call('HSETNX', KEYS[1], 'counted', ARGV[8]) == 1 then
  for i = 9, #ARGV do
    redis.call('HINCRBY', KEYS[5], ARGV[8] .. ' ' .. ARGV[i], 1)
    redis.call('HINCRBY', KEYS[6], ARGV[8] .. ' ' .. ARGV[i], 1)
  end
end
return 1
"""


# KEYS: case, due, allowing, then the listings. ARGV: version, id, member. The scores stay.
_FORGET: Final = """#!lua flags=allow-oom
if redis.call('HGET', KEYS[1], 'version') ~= ARGV[1] then return 0 end
for i = 2, 3 do redis.call('ZREM', KEYS[i], ARGV[2]) end
for i = 4, #KEYS do redis.call('ZREM', KEYS[i], ARGV[3]) end
return redis.call('DEL', KEYS[1])
"""
STEP: Final = 100


class RedisCaseStore:
    """All keys share the tag ``{cases}``, so that a case and its listings are one write."""

    def __init__(self, client: Any) -> None:
        self._redis = client

    @redis_errors("cases")
    def get(self, case_id: str) -> Case:
        raw: bytes | None = self._redis.hget(_key("case", case_id), "case")
        if raw is None:
            raise _unknown(case_id)
        return _decode(raw)

    @redis_errors("cases")
    def many(self, case_ids: Sequence[str]) -> Sequence[Case]:
        if not case_ids:
            return []
        pipe = self._redis.pipeline(transaction=False)
        for case_id in case_ids:
            pipe.hget(_key("case", case_id), "case")
        return [_decode(raw) for raw in pipe.execute() if raw]

    @redis_errors("cases")
    def open_for_key(self, key_id: str) -> Case | None:
        case_id: bytes | None = self._redis.get(_open_key(key_id))
        return self.get(case_id.decode()) if case_id else None

    def list(self, state: CaseState | None = None, limit: int = 100) -> Sequence[Case]:
        return self.page(CaseQuery(state=state, limit=limit)).cases

    @redis_errors("cases")
    def page(self, query: CaseQuery) -> CasePage:
        return read_page(query, self._below, self.many)

    def _below(self, listing: str, cursor: str, limit: int) -> Sequence[str]:
        top = f"({cursor}" if cursor else "+"
        found: Sequence[bytes] = self._redis.zrevrangebylex(_key("listing", listing), top, "-", 0, limit)
        return [member.decode() for member in found]

    @redis_errors("cases")
    def counts(self) -> Mapping[CaseState, int]:
        return {state: self._redis.zcard(_key("listing", state_listing(state))) for state in CaseState}

    @redis_errors("cases")
    def due(self, now_ms: int, limit: int = 100) -> Sequence[Case]:
        ids: Sequence[bytes] = self._redis.zrangebyscore(_key("due"), "-inf", now_ms, start=0, num=limit)
        return self.many([case_id.decode() for case_id in ids])

    @redis_errors("cases")
    def allowing(self, now_ms: int) -> Sequence[Case]:
        ids: Sequence[bytes] = self._redis.zrangebyscore(_key("allowing"), f"({now_ms}", "+inf")
        return self.many([case_id.decode() for case_id in ids])

    @redis_errors("cases")
    def precision(self, key_id: str = "") -> Mapping[str, Score]:
        counted: dict[bytes, bytes] = self._redis.hgetall(_scores_key(key_id))
        out: dict[str, Score] = {}
        for name, count in counted.items():
            verdict, _, detector = name.decode().partition(" ")
            out[detector] = with_verdict(out.get(detector, Score()), Verdict(verdict), int(count))
        return out

    @redis_errors("cases")
    def put(self, case: Case) -> None:
        keys = [
            _key("case", case.id),
            _open_key(case.key_id),
            _key("due"),
            _key("allowing"),
            _scores_key(""),
            _scores_key(case.key_id),
            *(_key("listing", state_listing(state)) for state in CaseState),
            *(_key("listing", listing) for listing in listings_of(case)),
        ]
        number = list(CaseState).index(case.state) + 1
        times = ["" if ms is None else ms for ms in (due_ms(case), allowed_until(case))]
        verdict = case.verdict.value if case.verdict else ""
        head = [_encode(case), case.version, case.id, member_of(case), number]
        if not self._redis.eval(_PUT, len(keys), *keys, *head, *times, verdict, *scored(case)):
            raise _conflict(case)

    @redis_errors("cases")
    def prune(self, before_ms: int, now_ms: int, steps: int = 100) -> int:
        """Remove cases closed before then, looking at ``steps`` times a hundred of the oldest; how many.

        Their verdicts still count, and the audit log keeps what was done.
        """
        gone, at, last = 0, 0, member_at(before_ms, "")
        for _ in range(steps):
            found: Sequence[bytes] = self._redis.zrange(_key("listing", "all"), at, at + STEP - 1)
            members = [member.decode() for member in found if member.decode() < last]
            cases = self.many([id_of(member) for member in members])
            removed = sum(self._forget(case) for case in cases if forgettable(case, before_ms, now_ms))
            gone, at = gone + removed, at + len(members) - removed
            if len(members) < STEP:
                break
        return gone

    def _forget(self, case: Case) -> int:
        listings = [*listings_of(case), *(state_listing(state) for state in CaseState)]
        keys = [_key("case", case.id), _key("due"), _key("allowing")]
        keys += [_key("listing", listing) for listing in listings]
        return int(self._redis.eval(_FORGET, len(keys), *keys, case.version, case.id, member_of(case)))


class MemoryCaseStore:
    """The same contract, gone with the process."""

    def __init__(self) -> None:
        self._cases: dict[str, Case] = {}
        self._counted: dict[str, tuple[str, Verdict, list[str]]] = {}
        self._listed: dict[str, set[str]] = {}

    def get(self, case_id: str) -> Case:
        if case_id not in self._cases:
            raise _unknown(case_id)
        return self._cases[case_id]

    def many(self, case_ids: Sequence[str]) -> Sequence[Case]:
        return [self._cases[case_id] for case_id in case_ids if case_id in self._cases]

    def open_for_key(self, key_id: str) -> Case | None:
        members = self._listed.get(key_listing(key_id), ())
        cases = self.many([id_of(member) for member in members])
        return next((case for case in cases if case.state is CaseState.OPEN), None)

    def list(self, state: CaseState | None = None, limit: int = 100) -> Sequence[Case]:
        return self.page(CaseQuery(state=state, limit=limit)).cases

    def page(self, query: CaseQuery) -> CasePage:
        return read_page(query, self._below, self.many)

    def _below(self, listing: str, cursor: str, limit: int) -> Sequence[str]:
        listed = self._listed.get(listing, ())
        return sorted((m for m in listed if not cursor or m < cursor), reverse=True)[:limit]

    def counts(self) -> Mapping[CaseState, int]:
        return {state: sum(c.state is state for c in self._cases.values()) for state in CaseState}

    def due(self, now_ms: int, limit: int = 100) -> Sequence[Case]:
        waiting = [(due, case.id) for case in self._cases.values() if (due := due_ms(case)) is not None]
        return self.many([case_id for due, case_id in sorted(waiting) if due <= now_ms][:limit])

    def allowing(self, now_ms: int) -> Sequence[Case]:
        running = [(until, case.id) for case in self._cases.values() if (until := allowed_until(case))]
        return self.many([case_id for until, case_id in sorted(running) if until > now_ms])

    def precision(self, key_id: str = "") -> Mapping[str, Score]:
        out: dict[str, Score] = {}
        for key, verdict, detectors in self._counted.values():
            for detector in detectors if key_id in ("", key) else ():
                out[detector] = with_verdict(out.get(detector, Score()), verdict, 1)
        return out

    def put(self, case: Case) -> None:
        stored = self._cases.get(case.id)
        if stored == case:
            return
        open_case = self.open_for_key(case.key_id) if case.state is CaseState.OPEN else None
        taken = open_case is not None and open_case.id != case.id
        if taken or (stored.version if stored else 0) + 1 != case.version:
            raise _conflict(case)
        self._unlist(case.id)
        self._cases[case.id] = case
        for listing in (*listings_of(case), state_listing(case.state)):
            self._listed.setdefault(listing, set()).add(member_of(case))
        if case.verdict:
            self._counted.setdefault(case.id, (case.key_id, case.verdict, scored(case)))

    def _unlist(self, case_id: str) -> None:
        if old := self._cases.get(case_id):
            for listing in (*listings_of(old), state_listing(old.state)):
                self._listed[listing].discard(member_of(old))

    def prune(self, before_ms: int, now_ms: int, steps: int = 100) -> int:
        due = [case for case in self._cases.values() if forgettable(case, before_ms, now_ms)]
        for case in sorted(due, key=member_of)[: steps * STEP]:
            self._unlist(case.id)
            del self._cases[case.id]
        return len(due[: steps * STEP])


def _key(*parts: str) -> str:
    return "kw:{cases}:" + ":".join(parts)


def _open_key(key_id: str) -> str:
    return _key("open", key_id.encode().hex())


def _scores_key(key_id: str) -> str:
    return _key("scores", key_id.encode().hex() or "all")


def _unknown(case_id: str) -> Refused:
    return Refused(Reason.NOT_FOUND, f"there is no case {case_id}; see `keywatch cases list`")


def _conflict(case: Case) -> Refused:
    return Refused(Reason.CONFLICT, f"case {case.id} was changed by somebody else: look again, then decide")
