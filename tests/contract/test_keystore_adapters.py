"""One contract for every adapter, over HTTP against servers that answer as their vendors document.

What is tested of AWS runs through moto; no account of any vendor was used.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from keystore import checks
from keystore.adapters import check_faults, check_people
from keystore.adapters.checks import IRREVERSIBLE_CHECKS, VENDOR_CHECKS
from tests.vendors.bench import VARIANTS, AdapterBench, bench_for

REVOKED: Final = {
    "azure-apim",
    "azure-apim, workload identity",
    "gravitee, subscriptions",
    "gravitee, API keys",
}
"""Where a key that was ended stays to be seen; elsewhere it is deleted."""
EXCEPT: Final[dict[str, set[Callable[..., None]]]] = {
    # whose consumer a deleted credential was cannot be asked any more
    "kong, credentials": {check_people.a_deleted_key_is_gone},
    # a suspension until 2100 could not be undone by then
    "google, delete": {checks.describe_tells_reason_and_case, checks.suspending_twice_is_once},
    # a receiver that describes nothing does not say what people did there
    "webhook, mute": {
        checks.an_unknown_key_is_not_found,
        checks.a_persons_suspension_is_not_undone,
        check_people.a_deleted_key_is_gone,
        check_faults.a_passing_server_error_is_borne,
        check_faults.a_lasting_server_error_is_transient,
        check_people.a_persons_release_is_respected,
        check_faults.throttling_is_passed_on,
        check_faults.wrong_credentials_are_fatal,
    },
}


def cases() -> list[Any]:
    out = []
    for variant in VARIANTS:
        wanted = (checks.capabilities_are_constant, checks.a_new_key_is_active, *IRREVERSIBLE_CHECKS)
        if variant != "vault":
            wanted = (*checks.CHECKS, *VENDOR_CHECKS, check_people.a_deleted_key_is_gone)
        skipped = EXCEPT.get(variant, set())
        if variant in REVOKED or variant == "webhook":
            skipped = skipped | {check_people.a_deleted_key_is_gone}
        else:
            skipped = skipped | {checks.a_revoked_key_stays_revoked}
        out += [pytest.param(variant, c, id=f"{variant}-{c.__name__}") for c in wanted if c not in skipped]
    return out


@pytest.fixture
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[AdapterBench]:
    with bench_for(request.param, tmp_path) as made:
        yield made


@pytest.mark.parametrize(("bench", "check"), cases(), indirect=["bench"])
def test_contract(bench: AdapterBench, check: Callable[[AdapterBench], None]) -> None:
    check(bench)
