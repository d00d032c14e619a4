"""The whole alert side on doubles or on a real store, with a clock that is advanced by hand."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from alerting.audit import MemoryAudit, RedisAudit
from alerting.cases import MemoryCaseStore, RedisCaseStore
from alerting.delivery.agenda import MemoryAgenda, RedisAgenda
from alerting.delivery.book import MemoryMessageBook, RedisMessageBook
from alerting.delivery.briefing import Briefing
from alerting.delivery.dispatch import Dispatch
from alerting.delivery.errands import Act
from alerting.delivery.health import DeliveryHealth, MemoryFailures, RedisFailures, Waiting
from alerting.delivery.routes import Routes
from alerting.delivery.worker import Carrier, OwnerWay, Parts, Worker
from alerting.desk import Desk
from alerting.findings import MemoryFindingStore, RedisFindingStore
from alerting.found import FindingStore, Keep
from alerting.incidents.memory import MemoryIncidentStore
from alerting.incidents.redis import RedisIncidentStore
from alerting.memory import MemoryAlertMemory, RedisAlertMemory
from alerting.pipeline import AlertPipeline, stages
from alerting.policy import Policy
from alerting.review import Review
from alerting.silences import MemorySilenceStore, RedisSilenceStore
from alerting.silencing import SilenceDesk
from alerting.stages.handling import Handling
from domain.clock import ManualClock
from domain.desk import AuditEntry, KeyHistory
from domain.finding import Finding
from domain.ports import Alert, Message, Notifier, OutboxEntry
from keystore.memory_store import MemoryKeyStore
from tests.alerts import NOW_MS

POLICY = """
version: 1
suspend: on
budget: {per_hour: 1000, share_of_active_keys: 1.0}
rules:
  - {name: stolen key, when: {risk_at_least: 0.95}, then: suspend, allow_single_kind: true}
  - {name: suspicious, when: {risk_at_least: 0.5}, then: alert}
"""


class Heard:
    """A notifier that keeps what it was sent; ``error`` is raised instead."""

    def __init__(self, name: str = "ear") -> None:
        self.name = name
        self.messages: list[Message] = []
        self.error: Exception | None = None

    def send(self, message: Message) -> None:
        if self.error:
            raise self.error
        self.messages.append(message)

    @property
    def alerts(self) -> list[Alert]:
        """The alerts among them."""
        return [message for message in self.messages if isinstance(message, Alert)]


class NoActs:
    """Nobody presses anything."""

    def perform(self, act: Act) -> None:
        raise AssertionError(act)


class MemoryOutbox:
    """Findings in a list, read until acknowledged."""

    def __init__(self) -> None:
        self.waiting: list[OutboxEntry] = []

    def read(self, limit: int, block_s: float) -> Sequence[OutboxEntry]:
        return self.waiting[:limit]

    def ack(self, entries: Sequence[OutboxEntry]) -> None:
        self.waiting = [entry for entry in self.waiting if entry not in entries]


@dataclass
class Stores:
    """Doubles, or the real ones of a client."""

    clock: ManualClock
    client: Any = None

    def __post_init__(self) -> None:
        real, clock = self.client is not None, self.clock
        self.cases = RedisCaseStore(self.client) if real else MemoryCaseStore()
        self.incidents = RedisIncidentStore(self.client) if real else MemoryIncidentStore()
        self.silences = RedisSilenceStore(self.client) if real else MemorySilenceStore()
        self.memory = RedisAlertMemory(self.client) if real else MemoryAlertMemory()
        self.audit = RedisAudit(self.client, clock) if real else MemoryAudit(clock)
        self.work = RedisAgenda(self.client, "work") if real else MemoryAgenda()
        self.later = RedisAgenda(self.client, "reminders") if real else MemoryAgenda()
        self.book = RedisMessageBook(self.client) if real else MemoryMessageBook()
        self.failures = RedisFailures(self.client) if real else MemoryFailures()
        self.findings: FindingStore = (
            RedisFindingStore(self.client, Keep()) if real else MemoryFindingStore(Keep())
        )
        self.keys = MemoryKeyStore(clock, None)


@dataclass
class Replica:
    """One process of the alert side; several may share ``stores``."""

    stores: Stores
    policy: Policy
    notifiers: dict[str, Notifier] = field(default_factory=dict)
    owners: dict[str, OwnerWay] = field(default_factory=dict)
    routes: Routes | None = None
    acts: Carrier = field(default_factory=NoActs)
    history: KeyHistory | None = None

    def __post_init__(self) -> None:
        stores, clock = self.stores, self.stores.clock
        if not self.notifiers:
            self.notifiers = {"ear": Heard()}
        self.rules = self.policy.rulebook()
        routes = self.routes or Routes(list(self.notifiers))
        self.dispatch = Dispatch(stores.work, stores.later, routes, self.rules, list(self.owners), clock)
        self.desk = Desk(
            stores.cases,
            stores.incidents,
            stores.keys,
            stores.keys,
            stores.audit,
            self.dispatch,
            self.rules,
            clock,
        )
        self.review = Review(self.desk)
        self.silencing = SilenceDesk(stores.silences, stores.audit, self.dispatch, self.rules, clock)
        self.outbox = MemoryOutbox()
        kept = (stores.silences, stores.memory, self.history, stores.findings)
        ordered = stages(self.policy, self.desk, *kept, lambda: 10_000)
        self.pipeline = AlertPipeline(self.outbox, ordered)
        self.health = DeliveryHealth(stores.failures, stores.work, lambda: Waiting(0, None), clock)
        self.briefing = Briefing(stores.incidents, stores.cases, lambda _: "", self.health.failing)
        self.noted: list[tuple[str, str, str]] = []
        self.worker = Worker(
            Parts(
                stores.work,
                stores.later,
                self.briefing,
                self.dispatch,
                self.notifiers,
                self.owners,
                self.acts,
                self.health,
                lambda event, to, error: self.noted.append((event, to, str(error))),
                clock,
            )
        )

    @property
    def ear(self) -> Heard:
        """The notifier of a replica that was given none."""
        heard = self.notifiers["ear"]
        assert isinstance(heard, Heard)
        return heard

    def audited(self) -> list[AuditEntry]:
        """What was audited, oldest first."""
        return list(reversed(self.stores.audit.page(limit=10_000)))

    def find(self, *findings: Finding) -> list[Handling]:
        """Findings come and go through all stages."""
        for found in findings:
            known = self.stores.keys
            known.import_external(found.key_id, "acme", "ops@acme.example")
            self.outbox.waiting.append(OutboxEntry(found, found.id))
        return self.pipeline.run_once(0)

    def deliver(self, after_s: float = 0.0) -> int:
        """Time passes, and what is due then is carried out."""
        self.stores.clock.advance(after_s)
        return self.worker.run_once()


def policy(tmp_text: str = POLICY, **different: Any) -> Policy:
    """A policy from text, with some parts different."""
    import msgspec
    import yaml

    tree = yaml.safe_load(tmp_text)
    tree["suspend"] = "on" if tree["suspend"] is True else tree["suspend"]
    return msgspec.convert({**tree, **different}, Policy)


def replica(client: Any = None, clock: ManualClock | None = None, **parts: Any) -> Replica:
    """A replica on doubles, or on a real store."""
    stores = parts.pop("stores", None) or Stores(clock or ManualClock(NOW_MS / 1000), client)
    return Replica(stores, parts.pop("policy", None) or policy(), **parts)


def finding_id(text: str) -> str:
    """An id as detection makes them."""
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
