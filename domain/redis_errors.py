"""What Redis says when it cannot, in our words."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from redis import exceptions

from domain.acl import lacking_words
from domain.errors import Fatal, Reason, Transient

_PASSING: Final = ("MISCONF", "NOREPLICAS", "BUSY", "TRYAGAIN", "CLUSTERDOWN", "LOADING", "MASTERDOWN", "OOM")
"""Codes of answers that another attempt may not meet: no room, persistence or replicas failing, slots
moving."""
_NOT_NOW: Final = (
    exceptions.OutOfMemoryError,
    exceptions.ReadOnlyError,
    exceptions.TryAgainError,
    exceptions.ClusterDownError,
)


@contextmanager
def redis_errors(what: str) -> Iterator[None]:
    """Around calls, or as a decorator: ``Fatal`` for what only a person can mend, else ``Transient``.

    A refused command is ``Fatal(CORRUPT)``: something that is not ours lies under our names.
    """
    try:
        yield
    except exceptions.AuthenticationError as error:
        raise Fatal(
            Reason.CREDENTIALS, f"{what}: Redis refused our credentials: check redis.url and its ACL"
        ) from error
    except exceptions.TimeoutError as error:
        raise Transient(Reason.TIMEOUT, f"{what}: Redis did not answer in time") from error
    except exceptions.ResponseError as error:
        if words := lacking_words(str(error)):
            raise Fatal(Reason.CREDENTIALS, f"{what}: {words}") from error
        if isinstance(error, _NOT_NOW) or str(error).startswith(_PASSING):
            raise Transient(Reason.SERVER_ERROR, f"{what}: Redis cannot do it now: {error}") from error
        raise Fatal(Reason.CORRUPT, f"{what}: Redis refused a command: {error}") from error
    except exceptions.RedisError as error:
        raise Transient(
            Reason.UNREACHABLE, f"{what}: cannot reach Redis: {error}; check redis.url"
        ) from error
