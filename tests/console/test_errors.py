"""What people and programs are told when something is not there or went wrong."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from console.access.person import AccessRole
from console.api.once import Once
from console.app import console_app
from console.problems import OURS as SORRY
from domain.errors import Fatal, Reason
from monitor.connect import connect_redis
from tests.console.house import InProcess
from tests.console.scene import Scene
from tests.console.stand_ins import HeldPolicy
from tests.console.test_pages import BASE, OURS, browser
from tests.servers import redis_server

pytestmark = pytest.mark.redis
INSIDE = "policy.yaml: permission denied for keywatch"


class Unreadable(HeldPolicy):
    """A policy desk whose file is gone."""

    def current(self) -> str:
        raise Fatal(Reason.CONFIG, INSIDE)


@pytest.fixture
def scene(redis_url: str, tmp_path: Path) -> Iterator[Scene]:
    client = connect_redis(redis_url)
    yield Scene(client, tmp_path, others=0, readers={"policy": Unreadable()})
    client.close()


def visitor(scene: Scene) -> httpx.Client:
    return httpx.Client(transport=InProcess(scene.app), base_url=BASE)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nowhere", 404),
        ("GET", "/cases/a/b", 404),
        ("GET", "//evil.example", 404),
        ("PUT", "/keys", 405),
    ],
)
def test_an_address_that_is_none_is_a_page_for_browsers(
    scene: Scene, method: str, path: str, status: int
) -> None:
    answer = visitor(scene).request(method, f"{BASE}{path}")
    assert answer.status_code == status
    assert "<h1>Not found</h1>" in answer.text
    assert "there is no page at this address" in answer.text
    assert "evil.example" not in answer.text
    assert answer.headers["cache-control"] == "no-store"


def test_an_address_that_is_none_is_a_problem_for_programs(scene: Scene) -> None:
    answer = visitor(scene).get("/api/v1/nowhere")
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")


def test_what_is_wrong_inside_is_for_the_log(scene: Scene) -> None:
    page = browser(scene, AccessRole.VIEWER).get("/policy")
    assert page.status_code == 500
    assert "the log says what" in page.text
    assert INSIDE not in page.text
    house = scene.house
    services = replace(house.services, policy=Unreadable())
    house.app = console_app(
        services, house.access, house.settings, once=Once(house.client), failed=house.fail
    )
    program = house.program(AccessRole.VIEWER).get("/api/v1/policy")
    assert (program.status_code, program.json()["detail"]) == (500, SORRY)
    said = [("/policy", INSIDE), ("/api/v1/policy", INSIDE)]
    assert [(path, str(error)) for path, error in house.failed] == said


def test_the_login_speaks_to_people_too(tmp_path: Path) -> None:
    with redis_server(tmp_path) as url:
        client = connect_redis(url)
        scene = Scene(client, tmp_path, others=0)
    person = visitor(scene)
    silent = person.post("/login", data={"token": scene.house.token[AccessRole.VIEWER]}, headers=OURS)
    assert silent.status_code == 503
    assert "<h1>No answer from a store</h1>" in silent.text
    assert silent.headers["retry-after"] == "5"
    elsewhere = person.post("/login", data={"token": "x"}, headers={"Origin": "https://evil.example"})
    assert elsewhere.status_code == 403
    assert "<h1>Not allowed</h1>" in elsewhere.text
    client.close()
