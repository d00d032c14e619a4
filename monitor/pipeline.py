"""The consume loop, read top to bottom as an event travels:

poll -> decode -> dead letters -> enrich -> apply (count, score, learn) -> commit -> outbox.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TypeVar

from domain.clock import Clock
from domain.errors import Refused, Transient
from domain.finding import Finding
from monitor.baseline.partition import PartitionState
from monitor.checkpoint.base import NO_OFFSET, CommitResult, StateStore
from monitor.decode.base import Decoded, Decoder, Reject
from monitor.engine import Engine
from monitor.enrich.enricher import Enricher
from monitor.logs import Log
from monitor.metrics import BATCH_RECORDS, BATCH_SECONDS, COMMIT_SECONDS, Metric
from monitor.pulse import Tally
from monitor.reload import FileKeeper
from monitor.source.base import DeadLetter, DeadLetters, Polled, RecordBatch, Source
from monitor.traces import NO_TRACES, Traces

T = TypeVar("T")
BACKOFF_MAX_S = 5.0
IDLE_KEEP_MS = 3_600_000
LAG_EVERY_S = 1.0
HELD_BACK_S = 30.0
COUNT_PARTITIONS_S = 60.0
BEHIND_RECORDS = 50_000
"""From this lag on, a commit closes several seconds: the same rows would be written again and again."""
BEHIND_PATIENCE = 10.0


@dataclass(slots=True)
class Stats:
    """What the loop has done since it started."""

    events: int = 0
    rejected: dict[str, int] = field(default_factory=dict)
    leaked: int = 0
    findings: int = 0
    found: dict[str, int] = field(default_factory=dict)
    """Findings by detector."""
    dead_letters: int = 0
    """Rejected records that are known to be written."""
    skipped: int = 0
    """Offsets jumped over because the topic no longer keeps them."""
    commits: int = 0
    fenced: int = 0
    redis_retries: int = 0
    schema_retries: int = 0
    polls: int = 0
    progress_s: float = 0.0
    """Monotonic time of the loop's last step; to wait for a dependency is a step, to be stuck is none."""
    held_back: dict[int, float] = field(default_factory=dict)
    """Partitions of a newer schema, and when (monotonic) that was last seen."""
    taken_over: int = 0
    """Keys whose profile began from another partition's."""
    partitions_before: list[int] = field(default_factory=list)
    """Smaller counts the topic had, whose profiles were not moved yet."""
    lag: dict[int, int] = field(default_factory=dict)
    """Records behind, by partition; replaced as a whole about once a second."""


@dataclass(slots=True)
class Pipeline:
    """One consumer: everything it holds belongs to the thread that calls :meth:`run_once`."""

    source: Source
    decoder: Decoder
    enricher: Enricher
    engine: Engine
    store: StateStore
    dead_letters: DeadLetters
    clock: Clock
    sleep: Callable[[float], None]
    log: Log
    commit_every_s: float = 1.0
    cached_keys: int = 1_000_000
    on_findings: Callable[[list[Finding]], None] = lambda _found: None
    observe: Callable[[Metric, float], None] = lambda _metric, _value: None
    traces: Traces = NO_TRACES
    files: FileKeeper | None = None
    stats: Stats = field(default_factory=Stats)
    tally: Tally = field(default_factory=Tally)
    parts: dict[int, PartitionState] = field(default_factory=dict)
    stopping: bool = False
    _committed_at: float = 0.0
    _lag_at: float = 0.0
    _counted_at: float = 0.0

    def run(self) -> None:
        """Work until :meth:`stop`; then commit what is done and leave the group."""
        try:
            while not self.stopping:
                self.run_once(0.2)
            self.commit()
        finally:
            self.source.close()

    def stop(self) -> None:
        """Finish the batch at hand, commit and return from :meth:`run`. Safe in a signal handler."""
        self.stopping = True

    def run_once(self, timeout_s: float) -> int:
        """One poll and all that follows from it. Returns how many events it brought."""
        self.stats.progress_s = self.clock.monotonic()
        if self.files:
            self.files.refresh()
        polled = self.source.poll(timeout_s)
        self._hold(polled)
        brought = sum(self._timed(batch) for batch in polled.batches)
        if self._commit_due():
            self.commit()
        self._note_lag()
        self.stats.polls += 1
        return brought

    def _hold(self, polled: Polled) -> None:
        """Let go of what the group took, claim what it gave, and say what the topic no longer has."""
        for number in polled.revoked:
            self.parts.pop(number, None)
            self.stats.held_back.pop(number, None)
        if polled.assigned or self.clock.monotonic() - self._counted_at >= COUNT_PARTITIONS_S:
            self._note_partitions()
        for number in sorted(polled.assigned):
            self._claim(number)
        self._look_again()
        for number, jumped in polled.skipped.items():
            self.stats.skipped += max(jumped, 0)
            self.log.error("offsets_skipped", partition=number, jumped=jumped)

    def _note_partitions(self) -> None:
        """In a topic that grew, keys have moved: their profiles are looked for where they were."""
        self._counted_at = self.clock.monotonic()
        count = self.source.partitions()
        if not count:
            return
        before = self._patiently(lambda: self.store.note_partitions(count))
        if before and before != self.stats.partitions_before:
            self.log.warning("topic_grown", partitions=count, before=before)
        self.stats.partitions_before = before

    def _note_lag(self) -> None:
        if self.clock.monotonic() - self._lag_at >= LAG_EVERY_S or not self.stats.polls:
            self._lag_at = self.clock.monotonic()
            self.stats.lag = self.source.lag()

    def _timed(self, batch: RecordBatch) -> int:
        began = self.clock.monotonic()
        with self.traces.batch(batch):
            brought = self._consume(batch)
        self.stats.progress_s = self.clock.monotonic()
        self.observe(BATCH_SECONDS, self.stats.progress_s - began)
        self.observe(BATCH_RECORDS, len(batch))
        return brought

    def _commit_due(self) -> bool:
        """A consumer far behind writes each row less often; a finding never waits for that."""
        since = self.clock.monotonic() - self._committed_at
        if since < self.commit_every_s:
            return False
        if since >= self.commit_every_s * BEHIND_PATIENCE or any(p.outbox for p in self.parts.values()):
            return True
        return sum(self.source.lag().values()) < BEHIND_RECORDS

    def _consume(self, batch: RecordBatch) -> int:
        part = self.parts.get(batch.partition)
        if part is None or batch.next_offset <= part.offset:
            return 0
        decoded = self._decoded(batch)
        self._reject(batch, decoded.rejects)
        self.stats.events += len(decoded.columns)
        self.stats.leaked += len(decoded.columns.leaked)
        events = self.enricher.enrich(decoded.columns)
        try:
            keys = self._patiently(lambda: part.slots_of(events.key_id, decoded.columns.tenant))
        except Refused as error:
            self._hold_back(batch.partition, error)
            return 0
        self.stats.taken_over += part.taken_over
        part.taken_over = 0
        found = self.engine.apply(part, events, keys, batch.next_offset)
        self.tally.seen(part.number, len(decoded.columns), len(found), len(decoded.rejects))
        if found:
            self._count(found)
            self.traces.found(batch, found)
        return len(decoded.columns)

    def _decoded(self, batch: RecordBatch) -> Decoded:
        def waiting() -> None:
            self.stats.schema_retries += 1

        return self._patiently(
            lambda: self.decoder.decode(batch.values, batch.offsets, batch.headers), waiting
        )

    def _count(self, found: list[Finding]) -> None:
        self.stats.findings += len(found)
        for finding in found:
            self.stats.found[finding.detector] = self.stats.found.get(finding.detector, 0) + 1
        self.on_findings(found)

    def _reject(self, batch: RecordBatch, rejects: Iterable[Reject]) -> None:
        for reject in rejects:
            self.stats.rejected[reject.reason.value] = self.stats.rejected.get(reject.reason.value, 0) + 1
            self.dead_letters.send(DeadLetter.of(self.source.topic, batch, reject))

    # -- state ---------------------------------------------------------------------------------------

    def _claim(self, number: int) -> None:
        """Become the partition's writer and go on where its last commit ended."""
        try:
            claim = self._patiently(lambda: self.store.claim(number, _fence()))
            self.parts[number] = self._patiently(lambda: PartitionState(number, self.store, claim))
        except Refused as error:
            self._hold_back(number, error)
            return
        self.tally.forget(number)
        self.stats.held_back.pop(number, None)
        self.source.seek(number, None if claim.offset == NO_OFFSET else claim.offset)
        self.log.info("partition_claimed", partition=number, offset=claim.offset)

    def _hold_back(self, number: int, error: Refused) -> None:
        """A newer release has written here: nothing is read or written until it is ours again.

        Other partitions go on, and this one waits in Kafka for a newer replica or a rollback.
        """
        self.parts.pop(number, None)
        self.tally.forget(number)
        if number not in self.stats.held_back:
            self.log.error("partition_held_back", partition=number, error=str(error))
        self.stats.held_back[number] = self.clock.monotonic()

    def _look_again(self) -> None:
        for number, since in list(self.stats.held_back.items()):
            if self.clock.monotonic() - since >= HELD_BACK_S:
                self._claim(number)

    def commit(self) -> None:
        """Make all work durable: dead letters first, so that no rejected record can be lost."""
        self._committed_at = self.clock.monotonic()
        changed = [part for part in self.parts.values() if part.changed()]
        if not changed:
            return
        began = self._committed_at
        self.dead_letters.flush()
        self.stats.dead_letters = sum(self.stats.rejected.values())
        done: dict[int, int] = {}
        for part in changed:
            if self._commit_one(part):
                done[part.number] = part.offset
        self.source.commit(done)
        self.observe(COMMIT_SECONDS, self.clock.monotonic() - began)

    def _commit_one(self, part: PartitionState) -> bool:
        commit = part.to_commit(_fence())
        result = self._patiently(lambda: self.store.commit(part.number, commit))
        if result is CommitResult.FENCED:
            self.stats.fenced += 1
            self.log.warning("partition_fenced", partition=part.number, offset=part.offset)
            self._claim(part.number)
            return False
        part.stored(commit)
        self.tally.committed(part.number, self.clock.now())
        part.evict(self.cached_keys, part.watermark_ms - IDLE_KEEP_MS)
        self.stats.commits += 1
        return True

    def _redis_waits(self) -> None:
        self.stats.redis_retries += 1

    def _patiently(self, call: Callable[[], T], waiting: Callable[[], None] | None = None) -> T:
        """Hold the offset and try again while a dependency is away."""
        wait = 0.1
        while True:
            try:
                return call()
            except Transient as error:
                if self.stopping:
                    raise
                (waiting or self._redis_waits)()
                self.stats.progress_s = self.clock.monotonic()
                self.log.warning("waiting", reason=error.reason.value, error=str(error))
                self.sleep(error.retry_after_s or wait)
                wait = min(2 * wait, BACKOFF_MAX_S)


def _fence() -> bytes:
    return secrets.token_hex(12).encode()
