"""What Redis says when it cannot, in our words."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from redis import exceptions

from domain.errors import Fatal, Reason, Transient


@contextmanager
def redis_errors(what: str) -> Iterator[None]:
    """Around calls, or as a decorator: ``Fatal`` for refused credentials, else ``Transient``."""
    try:
        yield
    except (exceptions.AuthenticationError, exceptions.NoPermissionError) as error:
        raise Fatal(
            Reason.CREDENTIALS, f"{what}: Redis refused our credentials: check redis.url and its ACL"
        ) from error
    except exceptions.TimeoutError as error:
        raise Transient(Reason.TIMEOUT, f"{what}: Redis did not answer in time") from error
    except exceptions.ResponseError as error:
        raise Transient(Reason.SERVER_ERROR, f"{what}: Redis cannot do it now: {error}") from error
    except exceptions.RedisError as error:
        raise Transient(Reason.UNREACHABLE, f"{what}: cannot reach Redis; check redis.url") from error
