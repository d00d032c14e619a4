"""The console's app on a real Redis, with stand-ins for what it only reads."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from typing import Any

import httpx

from console.access.access import Access
from console.access.limits import RedisLimits
from console.access.oidc import Provider
from console.access.person import AccessRole
from console.access.sessions import RedisSessions
from console.access.tokens import StaticTokens, new_token, tokens_of
from console.api.once import Once
from console.app import Pages, console_app
from console.services import Services
from console.settings import ConsoleSettings
from domain.clock import ManualClock
from domain.secret import Secret
from tests.alerts import NOW_MS
from tests.console.stand_ins import (
    HeldBacktests,
    HeldFindings,
    HeldHistory,
    HeldKeys,
    HeldOverview,
    HeldPolicy,
)
from tests.office import Replica, replica

ORIGIN = "https://keywatch.example"
SETTINGS = ConsoleSettings(session_secret=Secret("s" * 32), public_url=ORIGIN, rate_per_min=100_000)


class InProcess(httpx.BaseTransport):
    """Calls an ASGI application as a server would, without one."""

    def __init__(self, app: Any) -> None:
        self._inner = httpx.ASGITransport(app, raise_app_exceptions=True, client=("198.51.100.7", 4711))

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        async def answered() -> httpx.Response:
            answer = await self._inner.handle_async_request(request)
            body = await answer.aread()
            return httpx.Response(answer.status_code, headers=answer.headers, content=body)

        return asyncio.run(answered())


@dataclass
class House:
    """A console with a token for each role; ``office`` is what stands behind it."""

    client: Any
    settings: ConsoleSettings = SETTINGS
    pages: Pages | None = None
    clock: ManualClock = field(default_factory=lambda: ManualClock(NOW_MS / 1000))

    def __post_init__(self) -> None:
        self.office: Replica = replica(self.client, self.clock)
        made = {role: new_token(f"{role.value}@shop.example", role) for role in AccessRole}
        self.token = {role: found.reveal() for role, (found, _) in made.items()}
        self.tokens: StaticTokens = tokens_of(
            "\n".join(line for _, line in made.values()), "test", self.clock
        )
        sessions = RedisSessions(
            self.client,
            self.settings.session_secret,
            self.settings.session_idle_s,
            self.settings.session_s,
            self.clock,
        )
        self.failed: list[tuple[str, Exception]] = []
        self.services = services_of(self.office, self.clock)
        self.access = Access(
            self.settings,
            self.tokens,
            sessions,
            RedisLimits(self.client),
            self.office.stores.audit,
            Provider(self.settings.oidc, self.clock) if self.settings.oidc else None,
        )
        self.app = console_app(
            self.services,
            self.access,
            self.settings,
            once=Once(self.client),
            pages=self.pages,
            failed=self.fail,
        )

    def fail(self, path: str, error: Exception) -> None:
        """What the log would be told."""
        self.failed.append((path, error))

    def visitor(self) -> httpx.Client:
        """A browser that nobody has logged in with."""
        return httpx.Client(transport=InProcess(self.app), base_url=ORIGIN)

    def program(self, role: AccessRole) -> httpx.Client:
        """A program with a token of this role."""
        found = self.visitor()
        found.headers["Authorization"] = f"Bearer {self.token[role]}"
        return found

    def browser(self, role: AccessRole) -> httpx.Client:
        """A browser that somebody of this role has logged in with."""
        found = self.visitor()
        answer = found.post("/login", data={"token": self.token[role]}, headers={"Origin": ORIGIN})
        assert answer.status_code == 303, answer.text
        assert answer.headers["location"] == "/"
        return found


def services_of(office: Replica, clock: ManualClock) -> Services:
    """The office's own parts, and stand-ins for what is only read."""
    stores = office.stores
    return Services(
        cases=stores.cases,
        review=office.review,
        incidents=stores.incidents,
        silences=stores.silences,
        silencing=office.silencing,
        audit=stores.audit,
        audit_log=stores.audit,
        history=HeldHistory(),
        keys=stores.keys,
        people=stores.keys,
        overview=HeldOverview(office.health.report),
        findings=HeldFindings(),
        directory=HeldKeys(),
        policy=HeldPolicy(),
        backtests=HeldBacktests(),
        delivery=office.health.report,
        two_person=office.policy.review.two_person,
        clock=clock,
    )


def different(**settings: Any) -> ConsoleSettings:
    """The usual settings with some different."""
    return replace(SETTINGS, **settings)
