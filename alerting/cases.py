"""Cases in Redis, and their double in memory."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from domain.case import Case, CaseState
from domain.errors import Reason, Refused

_encode: Final = msgspec.json.Encoder(order="deterministic").encode
_decode: Final = msgspec.json.Decoder(Case).decode

_PUT: Final = """
local stored = redis.call('HGET', KEYS[1], 'version') or '0'
if stored == ARGV[2] and redis.call('HGET', KEYS[1], 'case') == ARGV[1] then return 1 end
if tonumber(stored) + 1 ~= tonumber(ARGV[2]) then return 0 end
redis.call('HSET', KEYS[1], 'case', ARGV[1], 'version', ARGV[2])
redis.call('ZADD', KEYS[2], ARGV[3], ARGV[4])
if ARGV[5] == 'open' then
  redis.call('SET', KEYS[3], ARGV[4])
elseif redis.call('GET', KEYS[3]) == ARGV[4] then
  redis.call('DEL', KEYS[3])
end
return 1
"""


class RedisCaseStore:
    """All keys share the tag ``{cases}``, so that a case and its indexes are one write."""

    INDEX = "kw:{cases}:opened"

    def __init__(self, client: Any) -> None:
        self._redis = client

    def get(self, case_id: str) -> Case:
        raw: bytes | None = self._redis.hget(_case_key(case_id), "case")
        if raw is None:
            raise _unknown(case_id)
        return _decode(raw)

    def open_for_key(self, key_id: str) -> Case | None:
        case_id: bytes | None = self._redis.get(_open_key(key_id))
        return self.get(case_id.decode()) if case_id else None

    def list(self, state: CaseState | None = None, limit: int = 100) -> Sequence[Case]:
        out: list[Case] = []
        start = 0
        while len(out) < limit and (ids := self._redis.zrevrange(self.INDEX, start, start + 99)):
            found = (self.get(case_id.decode()) for case_id in ids)
            out += [case for case in found if state is None or case.state is state]
            start += 100
        return out[:limit]

    def put(self, case: Case) -> None:
        keys = (_case_key(case.id), self.INDEX, _open_key(case.key_id))
        args = (_encode(case), case.version, case.opened_ms, case.id, case.state.value)
        if not self._redis.eval(_PUT, 3, *keys, *args):
            raise _conflict(case)


class MemoryCaseStore:
    """The same contract, gone with the process."""

    def __init__(self) -> None:
        self._cases: dict[str, Case] = {}

    def get(self, case_id: str) -> Case:
        if case_id not in self._cases:
            raise _unknown(case_id)
        return self._cases[case_id]

    def open_for_key(self, key_id: str) -> Case | None:
        found = [c for c in self._cases.values() if c.key_id == key_id and c.state is CaseState.OPEN]
        return found[0] if found else None

    def list(self, state: CaseState | None = None, limit: int = 100) -> Sequence[Case]:
        newest = sorted(self._cases.values(), key=lambda case: (case.opened_ms, case.id), reverse=True)
        return [case for case in newest if state is None or case.state is state][:limit]

    def put(self, case: Case) -> None:
        stored = self._cases.get(case.id)
        if stored == case:
            return
        if (stored.version if stored else 0) + 1 != case.version:
            raise _conflict(case)
        self._cases[case.id] = case


def _case_key(case_id: str) -> str:
    return f"kw:{{cases}}:case:{case_id}"


def _open_key(key_id: str) -> str:
    return f"kw:{{cases}}:open:{key_id.encode().hex()}"


def _unknown(case_id: str) -> Refused:
    return Refused(Reason.NOT_FOUND, f"there is no case {case_id}; see `keywatch cases list`")


def _conflict(case: Case) -> Refused:
    return Refused(Reason.CONFLICT, f"case {case.id} was changed by somebody else: look again, then decide")
