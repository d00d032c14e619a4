"""How we talk to Redis: one script, or many commands at once, with errors in our words."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import redis
from redis.cluster import RedisCluster

from domain.errors import Fatal, Reason
from keystore.redis_errors import redis_errors

Client = redis.Redis | RedisCluster
Argument = str | int | bytes


class Calls:
    """Calls to one Redis or Redis Cluster. Blocks; safe to share between threads.

    Raises ``Fatal(CONFIG)`` for a client that decodes answers, and ``Transient`` or ``Fatal`` from each
    call as :func:`keystore.redis_errors.redis_errors` says.
    """

    def __init__(self, client: Client) -> None:
        self.redis: Any = client
        if self.redis.get_encoder().decode_responses:
            raise Fatal(Reason.CONFIG, "key store: connect to Redis with decode_responses=False")

    def script(self, text: str, keys: Sequence[str], args: Sequence[Argument]) -> Any:
        """Run a script by its hash, or with its text when the server does not have it yet."""
        with redis_errors():
            try:
                return self.redis.evalsha(_sha(text), len(keys), *keys, *args)
            except redis.exceptions.NoScriptError:
                return self.redis.eval(text, len(keys), *keys, *args)

    def batch(self, fill: Callable[[Any], object]) -> list[Any]:
        """The answers to what ``fill`` puts into a pipeline: one round trip, on a cluster one a node."""
        with redis_errors():
            pipe = self.redis.pipeline(transaction=False)
            fill(pipe)
            answers: list[Any] = pipe.execute()
        return answers


@lru_cache(maxsize=32)
def _sha(script: str) -> str:
    return hashlib.sha1(script.encode(), usedforsecurity=False).hexdigest()
