"""All that a partition's commits have left in Redis, to be compared byte for byte."""

from __future__ import annotations

from typing import Any

from monitor.checkpoint.redis import RedisStateStore


def stored(client: Any, topic: str, partitions: int) -> dict[str, Any]:
    """Offsets, profiles, open windows, findings and samples; the writer's fence token is left out."""
    store = RedisStateStore(client, topic)
    out: dict[str, Any] = {}
    for number in range(partitions):
        meta = client.hgetall(store.key(number, "meta"))
        meta.pop(b"fence", None)
        out[f"{number} meta"] = meta
        for name in ("profiles", "windows"):
            out[f"{number} {name}"] = client.hgetall(store.key(number, name))
        out[f"{number} findings"] = client.xrange(store.key(number, "outbox"))
        out[f"{number} samples"] = client.lrange(store.key(number, "samples"), 0, -1)
    return out


def offsets(client: Any, topic: str, partitions: int) -> list[int]:
    """Where each partition's next read begins; -1 before the first commit."""
    store = RedisStateStore(client, topic)
    return [int(client.hget(store.key(p, "meta"), "offset") or -1) for p in range(partitions)]
