"""Looks at Redis every few seconds: its memory, findings not acted on, whether suspensions may go on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

import redis.exceptions
from redis.cluster import RedisCluster

from alerting.memory import AlertMemory
from alerting.policy import Policy
from domain.clock import Clock
from domain.errors import Reason, Transient
from monitor.meter import Sample
from monitor.metrics import CIRCUIT_OPEN, OUTBOX_DEPTH, REDIS_ANSWER_AGE, REDIS_MAX, REDIS_USED

HOUR_MS: Final = 3_600_000


class RedisWatch:
    """``look`` is a job; what it saw is kept and read by scrapes and probes, which never ask Redis."""

    def __init__(self, client: Any, clock: Clock) -> None:
        self._redis = client
        self._clock = clock
        self._answered = clock.monotonic()
        self._memory: Mapping[str, tuple[int, int]] = {}

    def look(self) -> None:
        """One INFO a node. Raises ``Transient`` when Redis does not answer."""
        try:
            self._memory = dict(self._nodes())
        except redis.exceptions.ResponseError:
            self._memory = {}  # it answered; this user may not read INFO
        except redis.exceptions.RedisError as error:
            raise Transient(Reason.UNREACHABLE, f"Redis does not answer: {error}") from error
        self._answered = self._clock.monotonic()

    def _nodes(self) -> Iterator[tuple[str, tuple[int, int]]]:
        cluster = isinstance(self._redis, RedisCluster)
        answer = self._redis.info("memory", **({"target_nodes": RedisCluster.PRIMARIES} if cluster else {}))
        for node, memory in answer.items() if cluster else [("redis", answer)]:
            yield str(node), (int(memory["used_memory"]), int(memory.get("maxmemory", 0)))

    def age_s(self) -> float:
        """Seconds since Redis last answered."""
        return self._clock.monotonic() - self._answered

    def samples(self) -> Iterator[Sample]:
        """What was seen last."""
        yield REDIS_ANSWER_AGE, (), self.age_s()
        for node, (used, most) in self._memory.items():
            yield REDIS_USED, (node,), used
            yield REDIS_MAX, (node,), most


class AlertWatch:
    """``streams`` maps each partition at hand to its outbox; ``active`` counts keys in use."""

    def __init__(
        self,
        client: Any,
        streams: Callable[[], Mapping[int, str]],
        policy: Callable[[], Policy],
        memory: AlertMemory,
        active: Callable[[], int],
        clock: Clock,
    ) -> None:
        self._redis = client
        self._streams = streams
        self._policy = policy
        self._memory = memory
        self._active = active
        self._clock = clock
        self._depths: Mapping[int, int] = {}
        self._open = False

    def look(self) -> None:
        """One XLEN a partition, and one look at the suspensions of the last hour."""
        try:
            self._depths = {number: self._redis.xlen(name) for number, name in self._streams().items()}
            self._open = self._spent()
        except redis.exceptions.RedisError as error:
            raise Transient(Reason.UNREACHABLE, f"the outboxes cannot be counted: {error}") from error

    def _spent(self) -> bool:
        """The suspension budget, as ``alerting.stages.contain`` reckons it."""
        allowed = self._policy().budget.allowed(self._active())
        hour_ago_ms = int(self._clock.now() * 1000) - HOUR_MS
        return self._memory.suspensions_since(hour_ago_ms, "") >= allowed

    def samples(self) -> Iterator[Sample]:
        """What was seen last."""
        yield CIRCUIT_OPEN, (), float(self._open)
        for number, depth in self._depths.items():
            yield OUTBOX_DEPTH, (str(number),), depth


class ActiveKeys:
    """How many keys each partition has in use: told by consumers, read where no consumer runs."""

    def __init__(self, client: Any, topic: str) -> None:
        self._redis = client
        self._name = f"kw:active:{topic}"

    def tell(self, counts: Mapping[int, int]) -> None:
        """Replace the counts of these partitions."""
        if counts:
            self._redis.hset(self._name, mapping={str(number): count for number, count in counts.items()})

    def total(self) -> int:
        """Of all partitions, as last told."""
        counts: Sequence[bytes] = self._redis.hvals(self._name)
        return sum(int(count) for count in counts)
