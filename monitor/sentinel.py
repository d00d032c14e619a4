"""The master that Redis Sentinels name: found at each connection, so a failover needs nobody."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import unquote, urlsplit

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from redis.sentinel import Sentinel

from domain.errors import Fatal, Reason
from domain.secret import Secret
from monitor.config import RedisConfig, secret

SCHEMES: Final = {"redis+sentinel": False, "rediss+sentinel": True}
"""Whether it is over TLS, at the Sentinels as at the master."""
PORT: Final = "26379"


@dataclass(frozen=True, slots=True)
class SentinelLogin:
    """How to log in at the Sentinels themselves; empty where they do not ask."""

    user: str = ""
    password: Secret | None = None


def sentinel_login(settings: RedisConfig) -> SentinelLogin:
    """From the settings; the password from its file."""
    if not settings.sentinel_password_file:
        return SentinelLogin(settings.sentinel_user)
    password = secret("", settings.sentinel_password_file, "redis.sentinel_password_file")
    return SentinelLogin(settings.sentinel_user, password)


def master_client(url: str, options: dict[str, Any], login: SentinelLogin) -> redis.Redis:
    """A client of the master; ``options`` as redis-py names them. Raises ``Fatal`` for a URL without name."""
    parts = urlsplit(url)
    name, _, database = parts.path.strip("/").partition("/")
    user, at, hosts = parts.netloc.rpartition("@")
    if not name or not hosts or not (database or "0").isdigit():
        raise Fatal(
            Reason.CONFIG,
            "redis.url: write redis+sentinel://[USER@]SENTINEL:26379,SENTINEL:26379/NAME[/DATABASE], NAME "
            "being what the Sentinels call the master",
        )
    shared = {**options, "ssl": SCHEMES[parts.scheme]}
    for_sentinels = {key: value for key, value in shared.items() if key != "password"}
    for_sentinels["retry"] = Retry(NoBackoff(), 1)  # the next Sentinel may answer at once
    if login.user:
        for_sentinels["username"] = login.user
    if login.password:
        for_sentinels["password"] = login.password.reveal()
    if at:
        shared["username"], _, password = (unquote(part) for part in user.partition(":"))
        shared |= {"password": password} if password else {}
    manager: Any = _Sentinel([_address(host) for host in hosts.split(",")], sentinel_kwargs=for_sentinels)
    found: redis.Redis = manager.master_for(name, db=int(database or 0), **shared)
    return found


_Sentinel: Any = Sentinel  # redis-py leaves it untyped


def _address(host: str) -> tuple[str, int]:
    name, _, port = host.rpartition(":") if ":" in host and not host.endswith("]") else (host, "", PORT)
    if not port.isdigit():
        raise Fatal(Reason.CONFIG, f"redis.url: {host} is no address of a Sentinel")
    return name.strip("[]"), int(port)
