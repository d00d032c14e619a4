"""The description of the API: fresh, valid, and true of the real app under generated requests."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

import hypothesis
import jsonschema_rs
import pytest
import schemathesis
from hypothesis import strategies as st
from schemathesis.core.result import Ok
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import positive_data_acceptance

from console.access.person import AccessRole
from console.api.page import PAGE, page
from monitor.connect import connect_redis
from monitor.console_server import ConsoleServer
from tests.alerts import NOW_MS, finding
from tests.console.house import House, different

V1: Final = "/api/v1"
WITHOUT: Final = [positive_data_acceptance]
"""A cursor that no page gave, an end that is past, a policy with problems: they fit, and are refused."""


def described() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(page())
    return found


def test_the_file_is_fresh() -> None:
    assert PAGE.read_text() == page(), "run: python -m console.api.page"


def test_it_is_openapi() -> None:
    schemathesis.openapi.from_dict(described()).validate()


def test_every_operation_says_all_that_matters() -> None:
    for path, methods in described()["paths"].items():
        for method, operation in methods.items():
            assert operation["summary"], path
            assert operation["security"][0] == {"bearer": []}
            assert {"401", "403", "429", "503"} <= set(operation["responses"])
            if method == "post":
                assert {"$ref": "#/components/parameters/Idempotency-Key"} in operation["parameters"]


def test_examples_fit_their_schemas() -> None:
    whole = described()
    for methods in whole["paths"].values():
        for operation in methods.values():
            for content in operation.get("requestBody", {}).get("content", {}).values():
                schema = {**content["schema"], "components": whole["components"]}
                jsonschema_rs.validate(schema, content["example"])


@pytest.fixture
def served(redis_url: str) -> Iterator[tuple[House, str]]:
    """The real server on a real Redis, with cases, a silence and a backtest."""
    client = connect_redis(redis_url)
    house = House(client, different(failures=1_000_000, cookie_secure=False))
    house.office.find(finding(key_id="key_victim", id="f1"), finding(key_id="key_two", id="f2"))
    body = {"reason": "test", "until_ms": NOW_MS + 3_600_000, "key": "ci_*"}
    assert house.program(AccessRole.ADMIN).post(f"{V1}/silences", json=body).status_code == 201
    server = ConsoleServer("127.0.0.1", 0, house.app, ())
    server.start()
    yield house, f"http://127.0.0.1:{server.port}"
    server.stop()
    client.close()


def known_ids(house: House) -> dict[str, str]:
    """Of things that there are, by the name of the parameter."""
    program = house.program(AccessRole.VIEWER)
    return {
        name: program.get(f"{V1}/{what}").json()["items"][0]["id"]
        for name, what in (("case_id", "cases"), ("incident_id", "incidents"), ("silence_id", "silences"))
    }


def generated(house: House, operation: Any, mode: GenerationMode, ids: dict[str, str]) -> None:
    """Requests of an operation, fitting its description or not; half of them on something that there is."""

    @hypothesis.settings(
        max_examples=8,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(hypothesis.HealthCheck),
        phases=[hypothesis.Phase.explicit, hypothesis.Phase.generate],
    )
    @hypothesis.given(operation.as_strategy(generation_mode=mode), st.booleans())
    def requested(case: Any, real: bool) -> None:
        if real and mode is GenerationMode.POSITIVE:
            case.path_parameters = {
                name: ids.get(name, value) for name, value in case.path_parameters.items()
            }
        token = house.token[AccessRole.ADMIN]
        case.call_and_validate(
            headers={"Authorization": f"Bearer {token}"}, excluded_checks=[positive_data_acceptance]
        )
        asked.append(case)

    asked: list[Any] = []
    requested()
    assert len(asked) >= 1
    assert house.failed == []


@pytest.mark.redis
def test_the_app_does_what_its_description_says(served: tuple[House, str]) -> None:
    house, url = served
    schema = schemathesis.openapi.from_url(f"{url}{V1}/openapi.json")
    operations = [found.ok() for found in schema.get_all_operations() if isinstance(found, Ok)]
    assert len(operations) == 29
    ids = known_ids(house)
    for operation in operations:
        for mode in GenerationMode:
            generated(house, operation, mode, ids)
