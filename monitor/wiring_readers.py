"""What the console reads, on the stores of a configuration."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from alerting.findings import RedisFindingStore
from alerting.memory import RedisAlertMemory
from alerting.outbox import RedisOutbox
from domain.desk import DeliveryReport
from monitor.backtests import RedisBacktests
from monitor.checkpoint.redis import RedisStateStore
from monitor.config import Config
from monitor.key_directory import RedisKeyDirectory
from monitor.logs import Log
from monitor.overview import Overall
from monitor.policy_desk import FilePolicyDesk
from monitor.pulse import Pulses
from monitor.recording import recording
from monitor.watch import ActiveKeys
from monitor.wiring import CLOCK, Client, sleep
from monitor.wiring_alerting import Office


@dataclass(frozen=True, slots=True)
class Readers:
    """As :class:`console.services.Services` wants them. ``delivery`` also tells of findings not acted on.
    Call ``backtests.stop`` when the process ends.
    """

    overview: Overall
    findings: RedisFindingStore
    directory: RedisKeyDirectory
    policy: FilePolicyDesk
    backtests: RedisBacktests
    delivery: Callable[[], DeliveryReport]


def readers_for(config: Config, client: Client, office: Office, log: Log | None = None) -> Readers:
    """Any replica may have them: all that they read is in Redis, and the policy's file.

    ``office`` follows that file whenever :meth:`FilePolicyDesk.policy` is called, as each overview does.
    """
    store = RedisStateStore(client, config.kafka.topic)
    active = ActiveKeys(client, config.kafka.topic).total
    outbox = RedisOutbox(client, lambda: [store.key(n, "outbox") for n in store.partitions()], "", sleep)
    delivery = office.health(outbox).report
    path = Path(config.alert.policy) if config.alert.policy else None
    policy = FilePolicyDesk(path, office.cases, active, office.adopt)
    overview = Overall(
        Pulses(client, config.kafka.topic, CLOCK),
        store.partitions,
        active,
        office.findings,
        RedisAlertMemory(client),
        policy.policy,
        delivery,
        CLOCK,
    )
    directory = RedisKeyDirectory(client, store, store.partitions)
    backtests = RedisBacktests(
        client,
        lambda period: recording([], True, "", config, period),
        policy.policy,
        CLOCK,
        log or Log(CLOCK, config.log.level),
    )
    return Readers(overview, office.findings, directory, policy, backtests, delivery)
