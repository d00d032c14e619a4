"""Puts together what every role has beside its work, and the daemon of a role."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from importlib import import_module
from importlib.metadata import version
from typing import Any, Final

from domain.errors import Fatal, Reason, Transient
from monitor.config import Config
from monitor.config_console import ConsoleConfig
from monitor.health import AnswersLately, Check, Health, Progress
from monitor.health_server import HealthServer
from monitor.jobs import Jobs
from monitor.logs import Log
from monitor.metrics import BUILD_INFO
from monitor.operations import Operations
from monitor.roles import Role, Service
from monitor.samplers import health_samples
from monitor.telemetry import Telemetry
from monitor.watch import RedisWatch
from monitor.wiring import CLOCK, Client

WATCH_S: Final = 5.0


def operations_for(
    config: Config,
    client: Client,
    role: Role,
    loop: Progress,
    needs: Sequence[Check],
    telemetry: Telemetry,
    log: Log,
) -> Operations:
    """Jobs, probes and metrics of one process; nothing runs before ``start``."""
    watch = RedisWatch(client, CLOCK)
    with suppress(Transient):
        watch.look()
    health = Health(CLOCK, loop, config.metrics.stalled_s, (*needs, AnswersLately(watch.age_s)))
    meter = telemetry.meter
    meter.set(BUILD_INFO, 1, version("keywatch"), role.value)
    meter.sample(watch.samples)
    meter.sample(lambda: health_samples(health))
    jobs = Jobs(log, meter)
    jobs.every(WATCH_S, "watch_redis", watch.look)
    settings = config.metrics
    server = HealthServer(settings.host, settings.port, health, meter) if settings.port else None
    return Operations(telemetry, health, jobs, server, log)


def service_for(config: Config, client: Client, role: Role, log: Log) -> Service:
    """The daemon of a role. Raises ``Fatal`` where the role's part is not installed."""
    if role is Role.ALERT:
        from monitor.alert_daemon import AlertDaemon

        return AlertDaemon(config, client, log)
    if role is Role.CONSOLE:
        return _console(config, client, log)
    from monitor.daemon import Daemon

    return Daemon(config, client, log, role)


def check_console(config: Config, role: Role, log: Log) -> None:
    """What a console of these settings would miss. Raises ``Fatal``; asks nothing where none is set up."""
    needed = role is Role.CONSOLE
    if needed or config.console != ConsoleConfig():
        _console_part("console").check_console(config, log, needed=needed)


def _console(config: Config, client: Client, log: Log) -> Service:
    """``monitor.wiring_console.console_service`` makes it, from the same three things."""
    service: Service = _console_part("--role console").console_service(config, client, log)
    return service


def _console_part(wanted: str) -> Any:
    """Imported only when needed, as it is an extra."""
    try:
        return import_module("monitor.wiring_console")
    except ModuleNotFoundError as error:
        raise Fatal(
            Reason.CONFIG, f"{wanted}: {error.name} is missing: pip install 'keywatch[console]'"
        ) from error
