"""All that is in a Redis, as text, for tests that look for what must not be there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import redis
from redis.cluster import RedisCluster

READERS: Final[dict[bytes, Callable[[Any, bytes], object]]] = {
    b"string": lambda client, name: client.get(name),
    b"hash": lambda client, name: client.hgetall(name),
    b"zset": lambda client, name: client.zrange(name, 0, -1),
    b"set": lambda client, name: client.smembers(name),
    b"list": lambda client, name: client.lrange(name, 0, -1),
    b"stream": lambda client, name: client.xrange(name),
}


def everything(client: redis.Redis | RedisCluster) -> bytes:
    """Names and values of every type, and the commands that the server noted as slow."""
    if isinstance(client, RedisCluster):
        nodes = [node.redis_connection for node in client.get_primaries()]  # type: ignore[no-untyped-call]
    else:
        nodes = [client]
    found: list[object] = []
    for node in nodes:
        found += [(name, READERS[node.type(name)](client, name)) for name in node.scan_iter()]
        found += node.slowlog_get(10_000)
    return repr(found).encode()
