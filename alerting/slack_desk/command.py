"""``/keywatch KEY``: a key looked at on demand, seen only by who asked."""

from __future__ import annotations

from typing import Any, Final

from alerting.notifiers.slack_blocks import detail
from alerting.notifiers.slack_text import Block, code, context, fitted, plain, section, sections
from alerting.notifiers.sparkline import day_lines
from alerting.notifiers.words import done_to, outcome
from alerting.slack_desk.people import People
from domain.case import Case, CaseState
from domain.desk import KeyHistory
from domain.errors import Refused
from domain.picture import KeyPicture, Share
from domain.ports import CaseQuery, CaseStore, KeyStatus, KeyStore

CASES_SHOWN: Final = 5
FINDINGS_SHOWN: Final = 5
KEY_MAX: Final = 256
_HELP: Final = "Ask about a key: `/keywatch KEY_ID`. You see its state, its last 24 hours and its cases."


class Command:
    """Blocks for a few round trips to Redis and one to the key store; Slack waits three seconds."""

    def __init__(self, people: People, cases: CaseStore, keys: KeyStore, history: KeyHistory) -> None:
        self._people = people
        self._cases = cases
        self._keys = keys
        self._history = history

    def handle(self, form: dict[str, str]) -> dict[str, Any]:
        """The answer to show. Raises ``Transient``."""
        user = form.get("user_id", "")
        if not self._people.ours(dict(form)) or not self._people.may_look(user):
            return _said("You are not among those who may look (policy: review.may_look).")
        key_id = form.get("text", "").strip()
        if not key_id or key_id == "help" or len(key_id) > KEY_MAX:
            return _said(_HELP)
        cases = list(self._cases.page(CaseQuery(key_id=key_id, limit=CASES_SHOWN)).cases)
        picture, status = self._history.picture(key_id), self._status(key_id)
        if not (cases or picture or status):
            return _said(f"Nobody knows a key {code(key_id)}: no request was seen with it.")
        head = [section(f"*Key* {code(key_id)}{_state(status)}"), *_picture(picture)]
        blocks, _ = fitted(head, _history(cases), [])
        return {"response_type": "ephemeral", "text": f"Key {code(key_id)}", "blocks": blocks}

    def _status(self, key_id: str) -> KeyStatus | None:
        try:
            return self._keys.describe(key_id)
        except Refused:
            return None


def _said(text: str) -> dict[str, Any]:
    return {"response_type": "ephemeral", "text": text}


def _state(status: KeyStatus | None) -> str:
    if status is None:
        return " is not in the key store"
    why = f": {plain(status.reason)}" if status.reason else ""
    return f" is *{status.state.value}*{why}, tenant {code(status.tenant or '-')}"


def _picture(picture: KeyPicture | None) -> list[Block]:
    if picture is None:
        return [context("no baseline: no request was seen with it")]
    now, usual = day_lines(picture)
    usually = ", ".join(_share(s) for s in (*picture.countries[:3], *picture.operators[:3]))
    return [
        section(f"*Last 24 h* {code(now)}\n*As usual* {code(usual)}"),
        context(f"{picture.requests} requests seen; usually from {plain(usually or 'nowhere yet')}"),
    ]


def _share(share: Share) -> str:
    return f"{share.name} {share.share:.0%}"


def _history(cases: list[Case]) -> list[Block]:
    if not cases:
        return [context("no cases")]
    lines = []
    for case in cases:
        state = outcome(case) or f"{case.state.value}, {done_to(case.decision)}"
        lines.append(f"• {code(case.id)} {plain(state, 300)}")
    open_case = next((case for case in cases if case.state is CaseState.OPEN), None)
    if open_case:
        for finding in open_case.findings[-FINDINGS_SHOWN:]:
            lines += detail(open_case, finding)
    return sections(lines)
