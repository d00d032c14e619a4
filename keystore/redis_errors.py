"""Redis errors in our words: what to retry, what to fix."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from redis import exceptions

from domain.acl import lacking_words
from domain.errors import Fatal, Reason, Transient

_PASSING: Final = ("MISCONF", "NOREPLICAS", "BUSY", "TRYAGAIN", "CLUSTERDOWN", "LOADING", "MASTERDOWN")
"""Codes of answers that another attempt may not meet: persistence or replicas failing, slots moving."""

_NOT_READY: Final = (
    exceptions.BusyLoadingError,
    exceptions.ClusterError,
    exceptions.ClusterDownError,
    exceptions.MasterDownError,
    exceptions.TryAgainError,
    exceptions.ReadOnlyError,
)
_NOT_ALLOWED: Final = (
    exceptions.AuthenticationError,
    exceptions.AuthorizationError,
    exceptions.AuthenticationWrongNumberOfArgsError,
)


@contextmanager
def redis_errors() -> Iterator[None]:
    """Raise ``Transient`` or ``Fatal`` for what redis-py raises inside."""
    try:
        yield
    except _NOT_ALLOWED as error:
        raise Fatal(
            Reason.CREDENTIALS,
            f"key store: Redis refused our credentials: {error}; check redis.url and its ACL",
        ) from error
    except exceptions.OutOfMemoryError as error:
        raise Transient(
            Reason.SERVER_ERROR,
            "key store: Redis is out of memory: raise maxmemory; keys can still be suspended",
        ) from error
    except _NOT_READY as error:
        raise Transient(Reason.SERVER_ERROR, f"key store: Redis is not ready: {error}") from error
    except exceptions.TimeoutError as error:
        raise Transient(Reason.TIMEOUT, f"key store: Redis did not answer in time: {error}") from error
    except (exceptions.ConnectionError, exceptions.RedisClusterException) as error:
        raise Transient(
            Reason.UNREACHABLE, f"key store: cannot reach Redis: {error}; check redis.url"
        ) from error
    except exceptions.ResponseError as error:
        raise _refused(error) from error


def _refused(error: exceptions.ResponseError) -> Fatal | Transient:
    if words := lacking_words(str(error)):
        return Fatal(Reason.CREDENTIALS, f"key store: {words}")
    if str(error).startswith(_PASSING):
        return Transient(Reason.SERVER_ERROR, f"key store: Redis cannot write now: {error}")
    return Fatal(Reason.CORRUPT, f"key store: Redis refused a command: {error}")
