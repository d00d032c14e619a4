"""A consumer, mostly in a process of its own to be killed: reads the topic to its end and says what it did.

``python -m tests.faults.worker '{"bootstrap": ..., "redis": ..., "topic": ..., ...}'``
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
import warnings
from typing import Any

from monitor.config import Config, DetectConfig, GeoipConfig, KafkaConfig, RedisConfig, StateConfig
from monitor.connect import connect_redis
from monitor.logs import Log
from monitor.wiring import CLOCK, pipeline_for
from sample_streams import GEO
from tests.faults.stored import offsets


def main() -> None:
    warnings.simplefilter("ignore", DeprecationWarning)  # kafka-python reads its schemas in an old way
    print(json.dumps(read(json.loads(sys.argv[1]))))


def read(ask: dict[str, Any]) -> dict[str, int]:
    """Read to the ends that are asked for."""
    config = Config(
        kafka=KafkaConfig(
            bootstrap=ask["bootstrap"],
            topic=ask["topic"],
            group=ask["topic"],
            partitions=ask.get("partitions", "all"),
            client=ask.get("client", "kafka-python"),
            poll_records=ask.get("poll_records", 20_000),
        ),
        redis=RedisConfig(url=ask["redis"]),
        geoip=GeoipConfig(databases=[str(GEO)]),
        detect=DetectConfig(finding_bits=8.0),
        state=StateConfig(commit_every_s=0.02),
    )
    client = connect_redis(ask["redis"])
    pipeline = pipeline_for(config, client, Log(CLOCK, "error"))
    ends: list[int] = ask["ends"]
    while offsets(client, ask["topic"], len(ends)) != ends:
        if pipeline.run_once(0.1) and "die_after_s" in ask:
            _die_in(ask.pop("die_after_s"))
        time.sleep(ask.get("pace_s", 0.0))
    pipeline.stop()
    pipeline.run()
    pipeline.dead_letters.close()
    client.close()
    return {"events": pipeline.stats.events, "findings": pipeline.stats.findings}


def _die_in(seconds: float) -> None:
    """As kill -9 does, whatever the consumer is at by then."""
    timer = threading.Timer(seconds, lambda: os.kill(os.getpid(), signal.SIGKILL))
    timer.daemon = True
    timer.start()


if __name__ == "__main__":
    main()
