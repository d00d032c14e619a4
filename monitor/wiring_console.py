"""The console on the stores of a configuration, and the daemon of ``--role console``."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from console.access.access import Access, fresh_secret
from console.access.limits import RedisLimits
from console.access.sessions import RedisSessions
from console.access.tokens import StaticTokens, tokens_of
from console.settings import ConsoleSettings
from domain.errors import Fatal, Reason
from domain.ports import Audit
from domain.secret import Secret
from monitor.config import Config, secret
from monitor.logs import Log
from monitor.wiring import CLOCK, Client

SECRET_MIN: Final = 32


def settings_for(config: Config, log: Log) -> ConsoleSettings:
    """Resolved, with its secrets read. Raises ``Fatal`` when nobody could come in."""
    console = config.console
    if not console.open:
        raise Fatal(
            Reason.CONFIG,
            "the console lets nobody in: set console.tokens_file (`keywatch console token NAME` makes its "
            "lines) or console.oidc",
        )
    return ConsoleSettings(
        session_secret=_session_secret(config, log),
        public_url=config.alert.console_url.rstrip("/"),
        cookie_secure=console.cookie_secure,
        rate_per_min=console.rate_per_min,
        session_idle_s=console.session_idle_min * 60,
        session_s=console.session_hours * 3600,
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
    return Access(settings, tokens_for(config), sessions, RedisLimits(client), audit)
