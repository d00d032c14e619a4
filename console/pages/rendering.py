"""Templates and what every page has: who is there, where they are, what waits."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, StrictUndefined

from console.access.access import Access
from console.access.person import AccessRole, Person
from console.pages import showing, words
from console.pages.assets import address_of
from console.services import Services
from domain.case import CaseState
from domain.errors import KeywatchError
from domain.finding import origin

SHORTCUTS_COOKIE: Final = "keywatch_shortcuts"
SECTIONS: Final = (
    ("overview", "/", "Overview"),
    ("cases", "/cases", "Cases"),
    ("incidents", "/incidents", "Incidents"),
    ("keys", "/keys", "Keys"),
    ("silences", "/silences", "Silences"),
    ("policy", "/policy", "Policy"),
    ("detectors", "/detectors", "Detectors"),
    ("audit", "/audit", "Audit log"),
)
"""Id, address and name of the console's parts, as the navigation has them."""


def environment() -> Environment:
    """Autoescape is on for every template, and a name that is not given is an error."""
    made = Environment(
        loader=PackageLoader("console", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    for shown in (
        showing.visible,
        showing.plain,
        showing.prose,
        showing.quoted,
        showing.moment,
        showing.ago,
        showing.span,
        showing.number,
        showing.percent,
        showing.hour,
        showing.counted,
    ):
        made.filters[shown.__name__] = shown
    made.filters.update(headline=words.headline, status=words.status, origin=origin)
    made.globals.update(static=address_of, sections=SECTIONS)
    return made


@dataclass(frozen=True, slots=True)
class Pages:
    """Answers pages. Blocks for the few round trips that the frame needs."""

    services: Services
    access: Access
    templates: Environment = field(default_factory=environment)

    def show(
        self, request: Request, person: Person, template: str, *, status: int = 200, **what: Any
    ) -> HTMLResponse:
        """A whole page in its frame."""
        return self._answer(
            template,
            status,
            person=person,
            may_act=person.role.covers(AccessRole.RESPONDER),
            csrf=self.access.csrf(request),
            waiting=self._waiting(),
            shortcuts=request.cookies.get(SHORTCUTS_COOKIE, "on"),
            query=request.query_params.get("q", ""),
            **what,
        )

    def part(self, template: str, **what: Any) -> HTMLResponse:
        """A piece of a page, as htmx asks for it."""
        return self._answer(template, 200, **what)

    def bare(self, template: str, *, status: int = 200, **what: Any) -> HTMLResponse:
        """A page for who is not known, or while Redis is silent: reads nothing."""
        return self._answer(template, status, **what)

    def unanswered(self, back: str, message: str, text: str) -> HTMLResponse:
        """An act that a silent store kept from its end, with what was typed, to copy."""
        return self.bare(
            "error.html",
            status=503,
            title="No answer from a store",
            message=message,
            again=back,
            silent=True,
            typed=text,
        )

    def _answer(self, template: str, status: int, **what: Any) -> HTMLResponse:
        text = self.templates.get_template(template).render(now_ms=self.now_ms(), **what)
        return HTMLResponse(text, status, headers={"Cache-Control": "no-store"})

    def now_ms(self) -> int:
        """The clock in epoch milliseconds."""
        return int(self.services.clock.now() * 1000)

    def _waiting(self) -> int | None:
        """Open cases; None when Redis does not say, as an error's page has the frame too."""
        try:
            return self.services.cases.counts().get(CaseState.OPEN, 0)
        except KeywatchError:
            return None


def wants_part(request: Request) -> bool:
    """Whether htmx asks for a piece of the page."""
    return request.headers.get("HX-Request") == "true"
