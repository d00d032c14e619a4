"""What the tests of adapters say often."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from domain.errors import KeywatchError, Reason
from domain.ports import KeyStatus
from tests.vendors.bench import AdapterBench


def suspend(
    bench: AdapterBench, key_id: str, case_id: str = "case-1", ends_ms: int | None = None
) -> KeyStatus:
    """As a case would."""
    return bench.store.suspend(key_id, case_id=case_id, reason="spike", expires_ms=ends_ms)


def refused(act: Callable[[], object]) -> Reason:
    """Why an act failed."""
    with pytest.raises(KeywatchError) as caught:
        act()
    return caught.value.reason


def sent(bench: AdapterBench) -> list[str]:
    """Names of the calls that were made."""
    return [call.name for call, _ in bench.vendor.requests]
