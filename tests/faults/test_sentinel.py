"""A master that dies under a running consumer: the Sentinels name another, and nothing counts twice."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from domain.errors import Fatal, Reason
from monitor.checkpoint.redis import RedisStateStore
from monitor.config import Config, DetectConfig, RedisConfig
from monitor.connect import connect_redis
from monitor.pipeline import Pipeline
from monitor.wiring import open_redis
from tests.faults.stored import offsets, stored
from tests.faults.streams import scenario_lines
from tests.pipelines import TOPIC, memory_pipeline, to_the_end
from tests.sentinel import PASSWORD, Watched, sentinels

LINES = scenario_lines("rotating_proxies")[-9_000:]
pytestmark = pytest.mark.redis


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    with sentinels(tmp_path_factory.mktemp("sentinels")) as running:
        yield running


def config(watched: Watched, directory: Path, password: str = PASSWORD, name: str = "") -> Config:
    path = directory / "sentinel-password"
    path.write_text(password)
    url = watched.url.replace("/watched/", f"/{name}/") if name else watched.url
    return Config(redis=RedisConfig(url=url, timeout_s=1.0, sentinel_password_file=str(path)))


def consumer(client: Any) -> Pipeline:
    return memory_pipeline(LINES, RedisStateStore(client, TOPIC), DetectConfig(finding_bits=6.0), 300, 0.0)


def test_a_name_or_password_that_the_sentinels_do_not_know_is_told(watched: Watched, tmp_path: Path) -> None:
    for wrong, words in (
        (config(watched, tmp_path, name="another"), "check the name"),
        (config(watched, tmp_path, password="wrong"), "redis.sentinel_password_file"),
    ):
        with pytest.raises(Fatal, match=words) as caught:
            open_redis(wrong)
        assert caught.value.reason in (Reason.UNREACHABLE, Reason.CREDENTIALS)


@pytest.mark.parametrize(
    "url", ["redis+sentinel://h:26379", "redis+sentinel://h:x/name", "redis+sentinel:///n"]
)
def test_a_url_without_its_parts_is_refused(url: str) -> None:
    with pytest.raises(Fatal, match=r"redis\.url"):
        connect_redis(url)


def test_a_consumer_carries_on_with_the_new_master_and_counts_nothing_twice(
    watched: Watched, tmp_path: Path
) -> None:
    alone = connect_redis(f"redis://127.0.0.1:{watched.master()}")
    to_the_end(consumer(alone))
    undisturbed = stored(alone, TOPIC, 1)
    assert undisturbed["0 findings"]
    alone.flushall()
    client = open_redis(config(watched, tmp_path))
    line = consumer(client)
    for _ in range(10):
        line.run_once(0)
    old = watched.kill_master()
    to_the_end(line)
    assert watched.master() != old
    assert line.stats.redis_retries > 0
    assert offsets(client, TOPIC, 1) == [len(LINES)]
    assert stored(client, TOPIC, 1) == undisturbed
    client.close()
    alone.close()
