"""Puts the alert side together: what reviewers work with, the pipeline, and the workers behind it."""

from __future__ import annotations

import secrets
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from alerting.audit import RedisAudit
from alerting.cases import RedisCaseStore
from alerting.delivery.agenda import RedisAgenda
from alerting.delivery.briefing import Briefing
from alerting.delivery.digest import Digest
from alerting.delivery.dispatch import Dispatch
from alerting.delivery.health import DeliveryHealth, RedisFailures
from alerting.delivery.heartbeat import Heartbeat, RedisSlot, SlackHeartbeat, UrlHeartbeat
from alerting.delivery.worker import Parts, Worker
from alerting.desk import Desk
from alerting.findings import RedisFindingStore
from alerting.found import Keep
from alerting.incidents.redis import RedisIncidentStore
from alerting.memory import RedisAlertMemory
from alerting.outbox import RedisOutbox
from alerting.pipeline import AlertPipeline, stages
from alerting.policy import Policy
from alerting.review import Review
from alerting.rules import Rulebook
from alerting.silences import RedisSilenceStore
from alerting.silencing import SilenceDesk
from alerting.slack_desk.acts import Acts
from alerting.slack_desk.tokens import ButtonTokens, RedisTokenStore
from domain.errors import KeywatchError
from domain.ports import KeyStore
from monitor.checkpoint.redis import RedisStateStore
from monitor.config import Config, secret
from monitor.key_history import RedisKeyHistory
from monitor.logs import Log
from monitor.telemetry import Telemetry
from monitor.wiring import (
    CLOCK,
    Client,
    acting_store,
    audit_for,
    open_redis,
    policy_for,
    read_config,
    sleep,
)
from monitor.wiring_destinations import notifiers_for, owner_names, owner_ways, routes_for, slack_api


@dataclass(frozen=True, slots=True)
class Office:
    """What reviewers work with: the commands, Slack, the console, and the pipeline itself.

    ``policy`` is the one it began with; what is in use by now is in ``desk.rules``.
    """

    config: Config
    client: Client
    policy: Policy
    desk: Desk
    review: Review
    cases: RedisCaseStore
    incidents: RedisIncidentStore
    silences: RedisSilenceStore
    silencing: SilenceDesk
    audit: RedisAudit
    dispatch: Dispatch
    history: RedisKeyHistory
    findings: RedisFindingStore
    briefing: Briefing
    failures: RedisFailures

    def work(self) -> RedisAgenda:
        """What workers do at once."""
        return RedisAgenda(self.client, "work")

    def adopt(self, policy: Policy) -> None:
        """Decide and remind by the rules of this policy from now on."""
        self.desk.rules.review, self.desk.rules.remind = policy.review, policy.remind

    def health(self, outbox: RedisOutbox | None = None) -> DeliveryHealth:
        """Whether alerts arrive; with an ``outbox`` also whether findings are acted on."""
        waiting = outbox.waiting if outbox else RedisOutbox.nothing
        return DeliveryHealth(self.failures, self.work(), waiting, CLOCK)


def dispatch_for(config: Config, client: Client, rules: Rulebook) -> Dispatch:
    """The agenda to put on what people and owners must be told."""
    work, later = RedisAgenda(client, "work"), RedisAgenda(client, "reminders")
    return Dispatch(work, later, routes_for(config), rules, list(owner_names(config)), CLOCK)


def office_for(
    config: Config, client: Client, keys: KeyStore | None = None, policy: Policy | None = None
) -> Office:
    """On the stores of a configuration; ``keys`` replaces the key store, as for counting, and ``policy`` the
    configured one."""
    store = acting_store(config, client)
    policy = policy or policy_for(config)
    cases, incidents, silences = RedisCaseStore(client), RedisIncidentStore(client), RedisSilenceStore(client)
    audit, failures = audit_for(config, client), RedisFailures(client)
    work, rules = RedisAgenda(client, "work"), policy.rulebook()
    dispatch = dispatch_for(config, client, rules)
    desk = Desk(cases, incidents, keys or store, store, audit, dispatch, rules, CLOCK)
    state = RedisStateStore(client, config.kafka.topic)
    base = config.alert.console_url.rstrip("/")
    health = DeliveryHealth(failures, work, RedisOutbox.nothing, CLOCK)
    return Office(
        config=config,
        client=client,
        policy=policy,
        desk=desk,
        review=Review(desk),
        cases=cases,
        incidents=incidents,
        silences=silences,
        silencing=SilenceDesk(silences, audit, dispatch, rules, CLOCK),
        audit=audit,
        dispatch=dispatch,
        history=RedisKeyHistory(client, state, state.partitions, CLOCK),
        findings=RedisFindingStore(client, Keep(config.alert.findings_kept, config.alert.findings_days)),
        briefing=Briefing(
            incidents,
            cases,
            link=lambda case_id: f"{base}/cases/{case_id}" if base else "",
            failing=health.failing,
        ),
        failures=failures,
    )


def open_office(path: Path | None) -> Office:
    """For the commands: the office of a config file."""
    config = read_config(path)
    return office_for(config, open_redis(config))


@dataclass(frozen=True, slots=True)
class Alerting:
    """The alert side: outbox to key store and people. ``beats`` are called every ``beat_s``."""

    pipeline: AlertPipeline
    with_policy: Callable[[Policy], AlertPipeline]
    """The same pipeline under another policy, whose rules of review and reminders are in use from then on."""
    review: Review
    cases: RedisCaseStore
    worker: Callable[[], Worker]
    health: DeliveryHealth
    digest: Digest
    beats: Sequence[tuple[float, Heartbeat]]
    office: Office


def alerting_for(
    config: Config,
    client: Client,
    partitions: Callable[[], list[int]],
    active: Callable[[], int],
    log: Log,
    telemetry: Telemetry | None = None,
) -> Alerting:
    """Reads the outboxes of ``partitions``; ``active`` counts keys in use, for the suspension budget."""
    telemetry = telemetry or Telemetry(CLOCK)
    keys = telemetry.keys(acting_store(config, client))
    office = office_for(config, client, keys)
    memory = RedisAlertMemory(client)
    state = RedisStateStore(client, config.kafka.topic)
    consumer = f"{socket.gethostname()}-{secrets.token_hex(4)}"
    outbox = RedisOutbox(client, lambda: [state.key(p, "outbox") for p in partitions()], consumer, sleep)
    health = office.health(outbox)

    def with_policy(policy: Policy) -> AlertPipeline:
        office.adopt(policy)
        kept = (office.silences, memory, office.history, office.findings)
        ordered = stages(policy, office.desk, *kept, active)
        return AlertPipeline(outbox, telemetry.stages(ordered))

    parts = _worker_parts(office, health, telemetry, log)
    return Alerting(
        pipeline=with_policy(office.policy),
        with_policy=with_policy,
        review=office.review,
        cases=office.cases,
        worker=lambda: Worker(parts),
        health=health,
        digest=Digest(
            office.cases,
            office.silences,
            memory,
            office.dispatch,
            health.wrong,
            lambda: str(office.audit.head()),
            config.alert.digest_hour,
            CLOCK,
        ),
        beats=list(_beats(config, client, health)),
        office=office,
    )


def _worker_parts(office: Office, health: DeliveryHealth, telemetry: Telemetry, log: Log) -> Parts:
    config, client = office.config, office.client
    rules, interactive = office.desk.rules, config.slack.interactive != "off"

    def offered() -> bool:
        return interactive and bool(rules.review.may_decide)

    revokes = office.desk.people is not None
    buttons = ButtonTokens(RedisTokenStore(client), offered=offered, revokes=revokes)
    api = slack_api(config, client) if config.slack.channel else None

    def note(event: str, destination: str, error: KeywatchError) -> None:
        said = {"destination": destination, "reason": error.reason.value, "error": str(error)}
        if event == "given_up":
            log.error("given_up", **said)
        elif event == "not_told":
            log.warning("not_told", **said)
        else:
            log.warning("not_delivered", **said)

    return Parts(
        work=office.work(),
        later=RedisAgenda(client, "reminders"),
        briefing=office.briefing,
        dispatch=office.dispatch,
        notifiers=telemetry.notifiers(notifiers_for(config, client, buttons)),
        owners=owner_ways(config, office.desk.keys),
        acts=Acts(
            office.review, office.silencing, office.cases, office.incidents, api, CLOCK, revokes=revokes
        ),
        health=health,
        note=note,
        clock=CLOCK,
    )


def _beats(config: Config, client: Any, health: DeliveryHealth) -> Sequence[tuple[float, Heartbeat]]:
    found: list[tuple[float, Heartbeat]] = []
    settings = config.heartbeat
    if settings.url_file:
        url = secret("", settings.url_file, "heartbeat.url_file")
        found.append((settings.every_s, UrlHeartbeat(url, health.wrong)))
    if settings.slack and config.slack.channel:
        after_s = settings.slack_after_s
        slot, api = RedisSlot(client), slack_api(config, client)
        beat = SlackHeartbeat(api, config.slack.channel, slot, health.wrong, after_s, CLOCK)
        found.append((after_s / 3, beat))
    return found
