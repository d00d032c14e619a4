"""Key stores of every kind, each empty, and benches of the adapters."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from domain.clock import ManualClock
from keystore.base import BaseKeyStore
from keystore.hashing import Peppers
from keystore.memory_store import MemoryKeyStore
from keystore.redis_store import RedisKeyStore
from keystore.rules import StoreRules
from tests.contract.keys import NOW_S, MakeStore
from tests.servers import connect, server
from tests.vendors.bench import AdapterBench, bench_for


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW_S)


@pytest.fixture(
    scope="session",
    params=[
        "memory",
        pytest.param("redis", marks=pytest.mark.redis),
        pytest.param("cluster", marks=pytest.mark.cluster),
        pytest.param("valkey", marks=pytest.mark.embedded),
    ],
)
def address(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where the store under test lives, "" for memory."""
    if request.param == "memory":
        yield ""
        return
    directory: Path = tmp_path_factory.mktemp(request.param)
    with server(request.param, directory) as url:
        yield url


@pytest.fixture
def make(address: str, clock: ManualClock) -> Iterator[MakeStore]:
    """Makes stores that share no key with any other test."""
    if not address:
        yield lambda peppers, imported=False: MemoryKeyStore(clock, peppers, StoreRules(imported=imported))
        return
    with connect(address) as client:
        yield lambda peppers, imported=False: RedisKeyStore(
            client, clock, peppers, f"t{uuid.uuid4().hex}", StoreRules(imported=imported)
        )


@pytest.fixture
def store(make: MakeStore) -> BaseKeyStore:
    return make(Peppers.generate())


@pytest.fixture
def open_bench(tmp_path: Path) -> Iterator[Callable[[str], AdapterBench]]:
    """Makes the bench of a variant; the vendor is stopped after the test."""
    with ExitStack() as running:
        yield lambda variant: running.enter_context(bench_for(variant, tmp_path))
