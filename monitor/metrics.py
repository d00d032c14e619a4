"""Every metric keywatch has, once: the registry and docs/reference/metrics.md are made from this list.

Names and labels are an interface that dashboards and alerts rest on: add freely, rename never.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from detectors.catalog import DETECTORS
from domain.decision import Action
from domain.errors import Reason

Labels = tuple[str, ...]


class Kind(StrEnum):
    """As Prometheus names them."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


@dataclass(frozen=True, slots=True)
class Metric:
    """``values``: label values known beforehand; they show as 0 from the start, so that a first count is a
    rise and not a new series. ``role``: the role whose replicas have it, empty for all.
    """

    name: str
    kind: Kind
    help: str
    unit: str = ""
    role: str = ""
    labels: Labels = ()
    values: tuple[Labels, ...] = ()
    buckets: tuple[float, ...] = ()


def _counter(name: str, help_: str, role: str = "", *labels: str, values: tuple[Labels, ...] = ()) -> Metric:
    return Metric(f"keywatch_{name}_total", Kind.COUNTER, help_, "", role, labels, values)


def _gauge(name: str, help_: str, unit: str = "", role: str = "", *labels: str) -> Metric:
    return Metric(f"keywatch_{name}", Kind.GAUGE, help_, unit, role, labels)


def _histogram(name: str, help_: str, unit: str, role: str, *buckets: float, labels: Labels = ()) -> Metric:
    return Metric(f"keywatch_{name}", Kind.HISTOGRAM, help_, unit, role, labels, (), buckets)


REJECTS: Final = tuple(
    (reason.value,)
    for reason in (
        Reason.NOT_JSON,
        Reason.WRONG_TYPE,
        Reason.MISSING_KEY_ID,
        Reason.BAD_KEY_ID,
        Reason.BAD_TIMESTAMP,
        Reason.TOO_LARGE,
        Reason.TOO_DEEP,
        Reason.NOT_FRAMED,
        Reason.UNKNOWN_SCHEMA,
    )
)
_BY_DETECTOR: Final = tuple((name,) for name in DETECTORS)
_BY_DECISION: Final = tuple((name, action.value) for name in DETECTORS for action in Action)
RELOADED: Final = ("policy", "geoip", "lists", "forest")

# -- consume -----------------------------------------------------------------------------------------
EVENTS: Final = _counter("events", "Events decoded and counted in a baseline.", "consume")
REJECTED: Final = _counter(
    "rejected",
    "Records nobody could use, sent to the dead-letter topic.",
    "consume",
    "reason",
    values=REJECTS,
)
DEAD_LETTERS: Final = _counter(
    "dead_letters", "Records known to be written to the dead-letter topic.", "consume"
)
SKIPPED: Final = _counter(
    "skipped_offsets", "Offsets jumped over because Kafka no longer keeps them: events lost.", "consume"
)
LEAKS: Final = _counter(
    "leaks", "Events whose key id looked like a whole key; it was hashed at once.", "consume"
)
FINDINGS: Final = _counter(
    "findings", "Findings committed or about to be.", "consume", "detector", values=_BY_DETECTOR
)
COMMITS: Final = _counter("commits", "Partitions written behind the fence.", "consume")
FENCED: Final = _counter(
    "fenced", "Commits refused because another consumer has the partition by now.", "consume"
)
STATE_RETRIES: Final = _counter(
    "state_retries", "Redis calls of the consumer that had to be repeated.", "consume"
)
SCHEMA_RETRIES: Final = _counter(
    "schema_retries", "Waits for the schema registry, which did not answer.", "consume"
)
LAG: Final = _gauge(
    "consumer_lag_records", "Records between the consumer and the end of the partition.", "", "consume",
    "partition",
)  # fmt: skip
PARTITIONS: Final = _gauge("assigned_partitions", "Partitions this replica reads.", "", "consume")
HELD_BACK_PARTITIONS: Final = _gauge(
    "held_back_partitions", "Partitions not read, as a newer release has written them.", "", "consume"
)
TOPIC_GROWN: Final = _gauge(
    "topic_grown", "1 while profiles lie where a smaller count of partitions put them.", "", "consume"
)
TAKEN_OVER: Final = _counter(
    "taken_over_keys", "Keys whose baseline began from another partition's, as the topic grew.", "consume"
)
WATERMARK: Final = _gauge(
    "watermark_timestamp_seconds", "Event time reached in the partition.", "seconds", "consume", "partition"
)
CACHED_KEYS: Final = _gauge("cached_keys", "Profiles kept in this process.", "", "consume")
OPEN_WINDOWS: Final = _gauge("open_windows", "One-minute windows still open.", "", "consume")
POLL_AGE: Final = _gauge(
    "poll_age_seconds", "Time since the poll loop last made progress; liveness rests on it.", "seconds",
    "consume",
)  # fmt: skip
BATCH_SECONDS: Final = _histogram(
    "batch_seconds", "From a batch read to its findings made, without the commit.", "seconds", "consume",
    0.001, 0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
)  # fmt: skip
BATCH_RECORDS: Final = _histogram(
    "batch_records", "Records in a batch.", "", "consume", 1, 10, 100, 1_000, 5_000, 10_000, 20_000, 50_000
)
COMMIT_SECONDS: Final = _histogram(
    "commit_seconds", "One commit of all changed partitions, dead letters included.", "seconds", "consume",
    0.001, 0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
)  # fmt: skip
FOREST_TRAINED: Final = _gauge(
    "forest_trained_timestamp_seconds", "When the forest in use was trained, 0 before the first.", "seconds",
    "consume",
)  # fmt: skip
FOREST_INFO: Final = _gauge("forest_info", "1 for the forest version in use.", "", "consume", "version")

# -- alert -------------------------------------------------------------------------------------------
DECISIONS: Final = _counter(
    "decisions", "What policy and its guards made of findings.", "alert", "detector", "decision",
    values=_BY_DECISION,
)  # fmt: skip
SUSPENSIONS: Final = _counter("suspensions", "Keys stopped.", "alert")
REINSTATED: Final = _counter(
    "reinstatements", "Keys given back, by a verdict or because time ran out.", "alert"
)
HELD_BACK: Final = _counter(
    "suspensions_held_back", "Suspensions a rule asked for and a guard refused, dry run included.", "alert"
)
CIRCUIT_OPEN: Final = _gauge(
    "suspension_circuit_open", "1 while the suspension budget is spent: people must decide.", "", "alert"
)
OUTBOX_DEPTH: Final = _gauge("outbox_depth", "Committed findings not yet acted on.", "", "alert", "partition")
DELIVERED: Final = _counter(
    "alerts_delivered", "Messages a notifier's other side accepted.", "alert", "notifier"
)
UNDELIVERED: Final = _counter(
    "alerts_undelivered", "Tries to send a message that failed; `final` ones are not repeated.", "alert",
    "notifier", "final",
)  # fmt: skip
FAILING: Final = _gauge(
    "notifier_failing_seconds",
    "Time since a notifier's first failure after its last success, 0 while it works.",
    "seconds",
    "alert",
    "notifier",
)
DELIVERY_SECONDS: Final = _histogram(
    "alert_delivery_seconds", "One call of a notifier.", "seconds", "alert",
    0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, labels=("notifier",),
)  # fmt: skip
WAITING: Final = _gauge(
    "messages_waiting", "Messages, reminders and acts that are due and not done.", "", "alert"
)
OLDEST_MESSAGE: Final = _gauge(
    "oldest_message_seconds",
    "Time since the oldest of them was first due, 0 without one.",
    "seconds",
    "alert",
)
OLDEST_FINDING: Final = _gauge(
    "oldest_finding_seconds",
    "Time since the event of the oldest finding that is not acted on, 0 without one.",
    "seconds",
    "alert",
)
DELIVERY_STATE: Final = _gauge(
    "delivery_state", "1 for the state of delivery over all replicas: ok, degraded or failing.", "", "alert",
    "state",
)  # fmt: skip

# -- every role --------------------------------------------------------------------------------------
JOB_RUNS: Final = _counter("job_runs", "Periodic jobs that ended well.", "", "task")
JOB_FAILURES: Final = _counter("job_failures", "Periodic jobs that failed.", "", "task")
RELOADS: Final = _counter(
    "reloads", "Files or forests taken up while running, or refused.", "", "what", "outcome",
    values=tuple((what, outcome) for what in RELOADED for outcome in ("adopted", "refused")),
)  # fmt: skip
RELOAD_BROKEN: Final = _gauge(
    "reload_broken", "1 while what is on disk is refused and the old one is in use.", "", "", "what"
)
REDIS_USED: Final = _gauge("redis_used_memory_bytes", "Memory Redis uses.", "bytes", "", "node")
REDIS_MAX: Final = _gauge(
    "redis_max_memory_bytes", "Memory Redis may use, 0 without a limit.", "bytes", "", "node"
)
REDIS_ANSWER_AGE: Final = _gauge("redis_answer_age_seconds", "Time since Redis last answered.", "seconds")
READY: Final = _gauge("ready", "1 while /readyz says yes.")
BUILD_INFO: Final = _gauge(
    "build_info", "1, with the version and the role of this process.", "", "", "version", "role"
)

METRICS: Final = (
    EVENTS,
    REJECTED,
    DEAD_LETTERS,
    SKIPPED,
    LEAKS,
    FINDINGS,
    COMMITS,
    FENCED,
    STATE_RETRIES,
    SCHEMA_RETRIES,
    LAG,
    PARTITIONS,
    HELD_BACK_PARTITIONS,
    TOPIC_GROWN,
    TAKEN_OVER,
    WATERMARK,
    CACHED_KEYS,
    OPEN_WINDOWS,
    POLL_AGE,
    BATCH_SECONDS,
    BATCH_RECORDS,
    COMMIT_SECONDS,
    FOREST_TRAINED,
    FOREST_INFO,
    DECISIONS,
    SUSPENSIONS,
    REINSTATED,
    HELD_BACK,
    CIRCUIT_OPEN,
    OUTBOX_DEPTH,
    DELIVERED,
    UNDELIVERED,
    FAILING,
    DELIVERY_SECONDS,
    WAITING,
    OLDEST_MESSAGE,
    OLDEST_FINDING,
    DELIVERY_STATE,
    JOB_RUNS,
    JOB_FAILURES,
    RELOADS,
    RELOAD_BROKEN,
    REDIS_USED,
    REDIS_MAX,
    REDIS_ANSWER_AGE,
    READY,
    BUILD_INFO,
)
