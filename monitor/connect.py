"""Connections from addresses, and the checks that a Redis must pass before state is trusted to it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit

import redis
import redis.sentinel
from redis.backoff import ExponentialWithJitterBackoff
from redis.cluster import RedisCluster
from redis.retry import Retry

from domain.acl import lacking_words
from domain.errors import Fatal, Reason
from domain.secret import Secret
from monitor.config import Config, RedisConfig, secret
from monitor.sentinel import SCHEMES as SENTINEL_SCHEMES
from monitor.sentinel import SentinelLogin, master_client
from monitor.source.settings import KafkaSettings
from monitor.wiring_tokens import kafka_tokens

_TLS = re.compile("certificate|violation of protocol|reset by peer|closed by server|alert", re.IGNORECASE)
"""Also what is left of a server that did not like our certificate: its alert comes after TLS stands."""

CLUSTER_SCHEMES = {"redis+cluster": "redis", "rediss+cluster": "rediss"}


def connect_redis(
    url: str,
    timeout_s: float = 5.0,
    password: Secret | None = None,
    tls: Mapping[str, str] = MappingProxyType({}),
    sentinel: SentinelLogin = SentinelLogin(),  # noqa: B008 - frozen
) -> redis.Redis | RedisCluster:
    """A client for ``redis[s]://``, ``redis[s]+cluster://`` or ``redis[s]+sentinel://``; connects at the
    first call.

    ``tls``: as by :func:`redis_tls`. ``sentinel``: as by :func:`monitor.sentinel.sentinel_login`.
    Two retries: every script of ours answers the same when it is sent again.
    """
    scheme, _, rest = url.partition("://")
    retry = Retry(ExponentialWithJitterBackoff(base=0.05, cap=0.5), 2)
    options: dict[str, Any] = {"socket_timeout": timeout_s, "socket_connect_timeout": timeout_s, **tls}
    if password:
        options["password"] = password.reveal()
    if scheme in CLUSTER_SCHEMES:
        return _cluster(f"{CLUSTER_SCHEMES[scheme]}://{rest}", options)
    if scheme in SENTINEL_SCHEMES:
        return master_client(url, {**options, "retry": retry}, sentinel)
    try:
        return redis.Redis.from_url(url, retry=retry, **options)
    except ValueError as error:
        raise Fatal(Reason.CONFIG, f"redis.url: {error}") from error


def redis_tls(settings: RedisConfig) -> dict[str, str]:
    """The files for TLS as redis-py names them. Raises ``Fatal`` when they would not be used."""
    files = {
        "ssl_ca_certs": settings.ca_file,
        "ssl_certfile": settings.cert_file,
        "ssl_keyfile": settings.key_file,
    }
    found = {name: file for name, file in files.items() if file}
    if found and not settings.url.startswith("rediss"):
        raise Fatal(
            Reason.CONFIG, "redis.ca_file, cert_file and key_file are for TLS: write redis.url as rediss://"
        )
    return found


def redis_refusal(settings: RedisConfig, error: redis.RedisError) -> Fatal:
    """Why the first call failed, in the words of the settings."""
    host = settings.url.rpartition("@")[2].rpartition("://")[2]
    if isinstance(error, redis.exceptions.AuthenticationError):
        return Fatal(
            Reason.CREDENTIALS,
            f"redis.url: {host} refused our credentials: check the user in it and redis.password_file",
        )
    if isinstance(error, redis.exceptions.NoPermissionError):
        words = lacking_words(str(error)) or "our Redis user lacks a right"
        return Fatal(Reason.CREDENTIALS, f"redis.url: {host}: {words}")
    if settings.url.startswith("rediss") and _TLS.search(str(error)):
        return Fatal(
            Reason.CREDENTIALS,
            f"redis.url: no TLS with {host}, as a certificate did not satisfy one side: check redis.ca_file "
            f"({settings.ca_file or 'not set'}), the name in redis.url, and redis.cert_file "
            f"({settings.cert_file or 'not set'}) if the server asks for one; has either expired?",
        )
    if isinstance(error, redis.sentinel.MasterNotFoundError):
        return Fatal(
            Reason.UNREACHABLE,
            f"redis.url: no Sentinel of {host} names a master that answers ({error}): check the name, and "
            "redis.sentinel_password_file if they ask for a password",
        )
    return Fatal(Reason.UNREACHABLE, f"redis.url: nothing answers at {host}: is Redis running there?")


def _cluster(url: str, options: dict[str, Any]) -> RedisCluster:
    try:
        return RedisCluster.from_url(url, **options)
    except (redis.exceptions.RedisClusterException, redis.exceptions.ConnectionError) as error:
        host = urlsplit(url).netloc.rpartition("@")[2]
        raise Fatal(
            Reason.UNREACHABLE,
            f"redis.url: no Redis Cluster answers at {host}: is it running, in cluster mode?",
        ) from error


def redis_warnings(client: redis.Redis | RedisCluster) -> list[str]:
    """What is unsafe about this Redis for keeping state, in words for the operator.

    Raises ``Fatal`` when it evicts keys: a baseline that vanishes turns detection off unseen.
    """
    warnings = []
    policy = _setting(client, "maxmemory-policy")
    if policy is None:
        return ["cannot read CONFIG: check yourself that maxmemory-policy is noeviction"]
    if policy != "noeviction":
        raise Fatal(
            Reason.UNSAFE_REDIS,
            f"Redis has maxmemory-policy {policy}: it would drop baselines when full. "
            "Set `maxmemory-policy noeviction`, or redis.allow_unsafe: true to go on without that safety",
        )
    if _setting(client, "appendonly") != "yes" and not _setting(client, "save"):
        warnings.append("Redis has neither AOF nor snapshots: a restart begins every baseline anew")
    return warnings


def _setting(client: redis.Redis | RedisCluster, name: str) -> str | None:
    commands: Any = client
    try:
        answer: dict[str, str] = (
            commands.config_get(name, target_nodes=RedisCluster.RANDOM)
            if isinstance(client, RedisCluster)
            else commands.config_get(name)
        )
    except redis.exceptions.ResponseError:
        return None
    plain = {_text(k): _text(v) for k, v in answer.items()}
    return plain.get(name)


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value


def kafka_settings(config: Config, topic: str) -> KafkaSettings:
    """How to reach Kafka; a password may come from a file."""
    kafka = config.kafka
    security: dict[str, str | Secret] = dict(kafka.security)
    if kafka.password_file:
        security["sasl_plain_password"] = secret("", kafka.password_file, "kafka.password_file")
    return KafkaSettings(
        bootstrap=kafka.bootstrap,
        topic=topic,
        group=kafka.group if kafka.partitions == "group" else None,
        instance_id=kafka.instance_id,
        security=security,
        poll_records=kafka.poll_records,
        tokens=kafka_tokens(config),
    )
