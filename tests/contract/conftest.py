"""Benches of adapters for the contract tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.vendors.bench import AdapterBench, bench_for


@pytest.fixture
def open_bench(tmp_path: Path) -> Iterator[Callable[[str], AdapterBench]]:
    """Makes the bench of a variant; the vendor is stopped after the test."""
    with ExitStack() as running:
        yield lambda variant: running.enter_context(bench_for(variant, tmp_path))
