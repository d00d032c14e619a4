"""Every operation against every role, and against nobody: the table is the contract."""

from __future__ import annotations

import re
from typing import Any, Final

import httpx
import pytest

from console.access.person import AccessRole
from console.api.description import description
from tests.console.house import ORIGIN, House

pytestmark = pytest.mark.redis
VIEWER, RESPONDER, ADMIN = AccessRole
NEEDED: Final = {
    "getOverview": VIEWER,
    "getHealth": VIEWER,
    "getPrecision": VIEWER,
    "listCases": VIEWER,
    "getCase": VIEWER,
    "giveVerdict": RESPONDER,
    "commentOnCase": RESPONDER,
    "askForRotation": RESPONDER,
    "endAllowances": RESPONDER,
    "listIncidents": VIEWER,
    "getIncident": VIEWER,
    "listIncidentCases": VIEWER,
    "listKeys": VIEWER,
    "getKey": VIEWER,
    "suspendKey": RESPONDER,
    "listFindings": VIEWER,
    "listSilences": VIEWER,
    "getSilence": VIEWER,
    "beginSilence": RESPONDER,
    "changeSilence": RESPONDER,
    "endSilence": RESPONDER,
    "getPolicy": VIEWER,
    "checkPolicy": VIEWER,
    "comparePolicy": VIEWER,
    "startBacktest": ADMIN,
    "getBacktest": VIEWER,
    "listAudit": VIEWER,
    "exportAudit": ADMIN,
    "getMyself": VIEWER,
}


def operations(house: House) -> dict[str, tuple[str, str, dict[str, Any]]]:
    return {
        operation["operationId"]: (method.upper(), path, operation)
        for path, methods in description(house.app)["paths"].items()
        for method, operation in methods.items()
    }


def called(client: httpx.Client, method: str, path: str, operation: dict[str, Any]) -> int:
    """With a body that fits and ids of nothing: whoever may, is not answered 401 or 403."""
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("example")
    params = {"key_id": "nobody", "reason": "x"} if "key" in path or method == "DELETE" else {}
    to = re.sub(r"{\w+}", "nothing", path)
    return client.request(method, to, json=body, params=params, headers={"If-Match": "*"}).status_code


def test_every_operation_against_every_role(house: House) -> None:
    found = operations(house)
    assert {name: operation["x-role"] for name, (_, _, operation) in found.items()} == NEEDED
    for role in AccessRole:
        program = house.program(role)
        for name, (method, path, operation) in found.items():
            status = called(program, method, path, operation)
            if role.covers(NEEDED[name]):
                assert status in (200, 201, 202, 404), (name, role, status)
            else:
                assert status == 403, (name, role, status)


@pytest.mark.parametrize("header", [None, "Bearer kwc_nobody", "Basic YTpi"])
def test_nobody_gets_anything(house: House, header: str | None) -> None:
    visitor = house.visitor()
    if header:
        visitor.headers["Authorization"] = header
    for method, path, operation in list(operations(house).values()):
        house.client.delete(*house.client.keys("kw:console:rate:*") or ["none"])
        assert called(visitor, method, path, operation) == 401, path


def test_a_browser_changes_nothing_without_its_csrf_token(house: House) -> None:
    browser = house.browser(ADMIN)
    browser.headers["Origin"] = ORIGIN
    for method, path, operation in operations(house).values():
        status = called(browser, method, path, operation)
        assert (status == 403) is (method != "GET"), path
