"""Carries out what people asked for in Slack, and tells them what came of it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Final

from msgspec.structs import replace

from alerting.delivery.errands import Act, ActName, item_of
from alerting.incidents.base import IncidentStore
from alerting.notifiers.slack_api import SlackApi
from alerting.notifiers.slack_text import plain
from alerting.slack_desk.tokens import case_stamp
from domain.case import Case, CaseState, Verdict
from domain.clock import Clock
from domain.desk import Reviewing, Silencing
from domain.errors import KeywatchError, Reason, Refused, Rejected
from domain.ports import CaseStore
from domain.silence import Silence

HOUR_MS: Final = 3_600_000
PAGE: Final = 100
_VERDICTS: Final = {
    ActName.REINSTATE: Verdict.REINSTATE,
    ActName.CONFIRM: Verdict.CONFIRM,
    ActName.FALSE_POSITIVE: Verdict.FALSE_POSITIVE,
}


class Acts:
    """Safe to repeat: what was done before a crash is found closed. ``revokes``: a confirmed key is ended,
    which not every key store can.
    """

    def __init__(
        self,
        review: Reviewing,
        silencing: Silencing,
        cases: CaseStore,
        incidents: IncidentStore,
        api: SlackApi | None,
        clock: Clock,
        *,
        revokes: bool = True,
    ) -> None:
        self._review = review
        self._silencing = silencing
        self._cases = cases
        self._incidents = incidents
        self._api = api
        self._clock = clock
        self._revokes = revokes

    def perform(self, act: Act) -> None:
        """Tells the person when it is refused. Raises ``Transient``."""
        try:
            said = self._silenced(act) if act.act is ActName.SILENCE else self._reviewed(act)
        except (Refused, Rejected) as error:
            said = f"Not done: {error}"
        self._answer(act, said)

    def _reviewed(self, act: Act) -> str:
        """Each case for itself: one that was decided meanwhile does not stop the others."""
        cases = self._meant(act)
        refused, proposed = [], False
        for case in cases:
            try:
                proposed |= self._review_one(act, case).proposal is not None
            except (Refused, Rejected) as error:
                refused.append(str(error))
        done = len(cases) - len(refused)
        said = f"Done for {done} of {len(cases)} keys: {act.act.value.replace('_', ' ')}"
        if proposed:
            said += "; a second person must agree"
        return f"{said}. Not done: {refused[0]}" if refused else said

    def _review_one(self, act: Act, case: Case) -> Case:
        seen, waits = act.cases.get(case.id), case.state is CaseState.OPEN and not case.deciding
        if seen is not None and waits and case_stamp(case) != seen:
            raise Refused(Reason.CONFLICT, f"case {case.id} has changed: look again, then decide")
        if act.act is ActName.ROTATE:
            return self._review.ask_rotation(case.id, act.who, act.why)
        revoke = act.act is ActName.CONFIRM and self._revokes
        return self._review.give(case.id, _VERDICTS[act.act], act.who, act.why, revoke=revoke)

    def _meant(self, act: Act) -> Sequence[Case]:
        if act.cases:
            return self._cases.many(list(act.cases))
        found: list[Case] = []
        start = 0
        while ids := self._incidents.members(act.incident_id, start, PAGE):
            found += [case for case in self._cases.many(ids) if case.state is CaseState.OPEN]
            start += PAGE
        return found

    def _silenced(self, act: Act) -> str:
        incident, now_ms = self._incidents.get(act.incident_id), int(self._clock.now() * 1000)
        silence = Silence(
            id=f"sil_{hashlib.sha256(item_of(act).encode()).hexdigest()[:16]}",
            who=act.who,
            why=act.why,
            created_ms=now_ms,
            until_ms=now_ms + act.hours * HOUR_MS,
        )
        silence = replace(silence, **{incident.scope.value: _literal(incident.name)})
        self._silencing.add(silence)
        return f"Silenced for {act.hours} hours: {silence.words()} ({silence.id})"

    def _answer(self, act: Act, said: str) -> None:
        """If it cannot be said it was done all the same: message and case tell of it."""
        channel, user = act.answer_to
        if self._api is None or not channel:
            return
        try:
            self._api.call("chat_postEphemeral", channel=channel, user=user, text=plain(said, 1000))
        except KeywatchError:
            return


def _literal(name: str) -> str:
    """A glob that matches only the name."""
    return "".join(f"[{c}]" if c in "*?[" else c for c in name)
