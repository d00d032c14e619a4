"""The console on the stores of a configuration, for ``--role console`` and ``--role all``."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_network
from pathlib import Path
from typing import Final

from alerting.rules import Rulebook
from console.access.access import Access, fresh_secret
from console.access.limits import RedisLimits
from console.access.oidc import Provider
from console.access.sessions import RedisSessions
from console.access.tokens import StaticTokens, tokens_of
from console.api.once import Once
from console.app import console_app
from console.pages import pages_router
from console.services import Services
from console.settings import ConsoleSettings, OidcSettings
from domain.case import Verdict
from domain.errors import Fatal, KeywatchError, Reason
from domain.ports import Audit
from domain.secret import Secret
from monitor.config import Config, secret
from monitor.config_console import OidcConfig
from monitor.console_server import ConsoleServer
from monitor.jobs import Jobs
from monitor.logs import Log
from monitor.roles import Service
from monitor.wiring import CLOCK, Client
from monitor.wiring_alerting import Office, office_for
from monitor.wiring_readers import Readers, readers_for
from monitor.wiring_slack import slack_http

SECRET_MIN: Final = 32
LOOK_S: Final = 10.0
NOBODY: Final = "set console.tokens_file (`keywatch console token NAME` makes its lines) or console.oidc"


def console_service(config: Config, client: Client, log: Log) -> Service:
    """The daemon of ``--role console``. Raises ``Fatal`` when nobody could come in."""
    from monitor.console_daemon import ConsoleDaemon

    return ConsoleDaemon(config, client, log)


@dataclass(frozen=True, slots=True)
class Console:
    """A server that is not started yet, and what it needs now and then."""

    config: Config
    server: ConsoleServer
    access: Access
    readers: Readers
    office: Office
    log: Log
    told: set[str] = field(default_factory=set)
    """What is wrong with the tokens' file, said once."""

    def schedule(self, jobs: Jobs) -> None:
        """Its periodic work."""
        jobs.every(LOOK_S, "reload_tokens", self.reload)

    def reload(self) -> None:
        """Take up the tokens' file; a broken one is told and the old tokens stay."""
        try:
            self.access.tokens.replace(tokens_for(self.config))
            self.told.clear()
        except KeywatchError as error:
            if str(error) not in self.told:
                self.told.add(str(error))
                self.log.error("file_not_reloaded", what="tokens", error=str(error))

    def start(self) -> None:
        """Answer from now on."""
        self.server.start()
        self.log.info("console_listening", port=self.server.port)

    def stop(self) -> None:
        """Let requests at hand end, and a backtest be given up."""
        self.server.stop()
        self.readers.backtests.stop()


def console_for(config: Config, client: Client, log: Log, office: Office | None = None) -> Console:
    """Bound to its port, not yet answering. Raises ``Fatal`` for what is missing.

    ``office``: the one of this process, if it has one already, so that a changed policy reaches both.
    """
    settings = settings_for(config, log)
    office = office or office_for(config, client)
    readers = readers_for(config, client, office, log)
    access = access_for(config, client, settings, office.audit)
    app = console_app(
        services_for(office, readers),
        access,
        settings,
        once=Once(client),
        pages=pages_router,
        slack=slack_http(office, log) if config.slack.interactive == "http" else None,
        failed=lambda path, error: log.error("console_failed", path=path, error=_said(error)),
    )
    console = config.console
    server = ConsoleServer(console.host, console.port, app, console.trusted_proxies)
    return Console(config, server, access, readers, office, log)


def _said(error: Exception) -> str:
    """Our own errors name no secret; what others say may."""
    return str(error) if isinstance(error, KeywatchError) else type(error).__name__


class TwoPerson(Collection[Verdict]):
    """The verdicts that need two people by the policy as it is now."""

    def __init__(self, rules: Rulebook) -> None:
        self._rules = rules

    def __contains__(self, verdict: object) -> bool:
        return verdict in self._rules.review.two_person

    def __iter__(self) -> Iterator[Verdict]:
        return iter(self._rules.review.two_person)

    def __len__(self) -> int:
        return len(self._rules.review.two_person)


def services_for(office: Office, readers: Readers) -> Services:
    """What the console works with."""
    return Services(
        cases=office.cases,
        review=office.review,
        incidents=office.incidents,
        silences=office.silences,
        silencing=office.silencing,
        audit=office.audit,
        audit_log=office.audit,
        history=office.history,
        keys=office.desk.keys,
        people=office.desk.people,
        overview=readers.overview,
        findings=readers.findings,
        directory=readers.directory,
        policy=readers.policy,
        backtests=readers.backtests,
        delivery=readers.delivery,
        two_person=TwoPerson(office.desk.rules),
        clock=CLOCK,
    )


def check_console(config: Config, log: Log, *, needed: bool) -> None:
    """What a console would miss at its start. Raises ``Fatal``; ``needed`` also when nobody could come in."""
    if not config.console.open and not needed:
        log.warning("console_setting", message="console: it has settings, but lets nobody in: " + NOBODY)
        return
    settings = settings_for(config, log)
    if settings.oidc:
        Provider(settings.oidc, CLOCK)
    elif not tokens_for(config).any_valid:
        raise Fatal(
            Reason.CONFIG,
            f"console.tokens_file: {config.console.tokens_file} holds no token that is still valid: nobody "
            "could come in; `keywatch console token NAME` makes its lines",
        )


def settings_for(config: Config, log: Log) -> ConsoleSettings:
    """Resolved, with its secrets read. Raises ``Fatal`` when nobody could come in."""
    console = config.console
    _check_proxies(console.trusted_proxies)
    if not console.open:
        raise Fatal(Reason.CONFIG, "the console lets nobody in: " + NOBODY)
    return ConsoleSettings(
        session_secret=_session_secret(config, log),
        public_url=config.alert.console_url.rstrip("/"),
        cookie_secure=console.cookie_secure,
        rate_per_min=console.rate_per_min,
        session_idle_s=console.session_idle_min * 60,
        session_s=console.session_hours * 3600,
        oidc=_oidc_settings(config) if console.oidc else None,
    )


def _check_proxies(proxies: Sequence[str]) -> None:
    """Whoever is believed may write any address into the audit log and escape the limit of failures."""
    for one in proxies:
        try:
            ip_network(one, strict=False)
        except ValueError as error:
            raise Fatal(
                Reason.CONFIG,
                f"console.trusted_proxies: {one!r} is no address and no network such as 10.0.0.0/8",
            ) from error


def _oidc_settings(config: Config) -> OidcSettings:
    oidc = config.console.oidc or OidcConfig()
    missing = [name for name in ("issuer", "client_id", "roles") if not getattr(oidc, name)]
    if missing:
        raise Fatal(
            Reason.CONFIG, f"console.oidc: {', '.join(missing)} must be set: nobody could come in else"
        )
    if not config.alert.console_url:
        raise Fatal(
            Reason.CONFIG, "console.oidc needs alert.console_url: the provider sends people back there"
        )
    return OidcSettings(
        issuer=oidc.issuer,
        client_id=oidc.client_id,
        client_secret=secret("", oidc.client_secret_file, "console.oidc.client_secret_file"),
        audience=oidc.audience,
        roles=oidc.roles,
        scopes=oidc.scopes,
        name_claim=oidc.name_claim,
        roles_claim=oidc.roles_claim,
        ca_file=oidc.ca_file,
    )


def _session_secret(config: Config, log: Log) -> Secret:
    file = config.console.session_secret_file
    if not file:
        log.warning("console_setting", message="no console.session_secret_file: logins end with this process")
        return Secret(fresh_secret())
    found = secret("", file, "console.session_secret_file")
    if len(found.reveal()) < SECRET_MIN:
        raise Fatal(
            Reason.CONFIG,
            f"console.session_secret_file: {file} has fewer than {SECRET_MIN} characters: "
            "`openssl rand -hex 32` makes a good one",
        )
    return found


def tokens_for(config: Config) -> StaticTokens:
    """The file's tokens as they are now; none without a file."""
    file = config.console.tokens_file
    if not file:
        return StaticTokens((), CLOCK)
    try:
        text = Path(file).read_text()
    except OSError as error:
        raise Fatal(Reason.CONFIG, f"console.tokens_file: cannot read {file}: {error.strerror}") from error
    return tokens_of(text, file, CLOCK)


def access_for(config: Config, client: Client, settings: ConsoleSettings, audit: Audit) -> Access:
    """The doors, with sessions and limits in Redis."""
    sessions = RedisSessions(
        client, settings.session_secret, settings.session_idle_s, settings.session_s, CLOCK
    )
    provider = Provider(settings.oidc, CLOCK) if settings.oidc else None
    return Access(settings, tokens_for(config), sessions, RedisLimits(client), audit, provider)
