"""Real servers, started once a session and emptied between tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import hypothesis
import pytest

from monitor.connect import connect_redis
from tests.servers import REDIS_KINDS, Kafka, kafka_server, server

hypothesis.settings.register_profile("no clock", deadline=None)  # a busy machine is no bug
hypothesis.settings.load_profile("no clock")


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kafka]:
    """Apache Kafka; every test makes its own topics."""
    with kafka_server(tmp_path_factory.mktemp("kafka")) as running:
        yield running


@pytest.fixture(scope="session")
def store_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], str]]:
    """Starts a ``redis``, ``cluster`` or ``valkey`` when first asked for; answers its URL."""
    urls: dict[str, str] = {}
    with ExitStack() as running:

        def start(kind: str) -> str:
            if kind not in urls:
                urls[kind] = running.enter_context(server(kind, tmp_path_factory.mktemp(kind)))
            return urls[kind]

        yield start


@pytest.fixture
def empty_store(store_server: Callable[[str], str]) -> Callable[[str], str]:
    """The URL of a server of the kind asked for, with nothing in it."""

    def emptied(kind: str) -> str:
        url = store_server(kind)
        client = connect_redis(url)
        client.flushall()
        client.close()
        return url

    return emptied


@pytest.fixture
def redis_url(empty_store: Callable[[str], str]) -> str:
    """An empty Redis."""
    return empty_store("redis")


@pytest.fixture(params=REDIS_KINDS)
def any_redis(request: pytest.FixtureRequest, empty_store: Callable[[str], str]) -> str:
    """An empty store of every kind we support, one after the other."""
    return empty_store(request.param)
