"""Button presses and submitted modals: checked here and at once, carried out by a worker.

Slack waits three seconds for an answer and its trigger lives as long, so nothing here calls a key store.
Every payload is somebody else's words: what it is about comes from our token alone.
"""

from __future__ import annotations

from typing import Any, Final

from msgspec.structs import replace

from alerting.delivery.briefing import Briefing
from alerting.delivery.dispatch import Outgoing
from alerting.delivery.errands import Act, ActName
from alerting.notifiers.slack_api import SlackApi, SlackRefused
from alerting.notifiers.slack_blocks import ACTION
from alerting.notifiers.slack_text import plain
from alerting.notifiers.words import outcome
from alerting.slack_desk.modals import REASON_MAX, answers, modal
from alerting.slack_desk.people import People
from alerting.slack_desk.tokens import MODAL_MS, Bound, TokenStore, bound_to
from domain.errors import KeywatchError, Transient
from domain.ports import Alert

Answer = dict[str, Any]
NOTHING: Final[Answer] = {}
_TRIGGER: Final = {"expired_trigger_id", "trigger_expired", "trigger_exchanged", "invalid_trigger_id"}
_OLD: Final = "This message is too old to act on. Use the console, or `keywatch cases`."


class Presses:
    """``api`` should give up within two seconds: the trigger is dead after three."""

    def __init__(
        self,
        api: SlackApi,
        people: People,
        tokens: TokenStore,
        briefing: Briefing,
        out: Outgoing,
        *,
        revokes: bool = True,
    ) -> None:
        self._api = api
        self._people = people
        self._tokens = tokens
        self._briefing = briefing
        self._out = out
        self._revokes = revokes

    def handle(self, payload: dict[str, Any]) -> Answer:
        """The body to answer with. Raises ``Transient`` when Redis does not answer."""
        match payload.get("type"):
            case "block_actions":
                self._pressed(payload)
                return NOTHING
            case "view_submission":
                return self._submitted(payload)
        return NOTHING

    # -- a button ------------------------------------------------------------------------------------

    def _pressed(self, payload: dict[str, Any]) -> None:
        action = (payload.get("actions") or [{}])[0]
        act = _act_of(action.get("action_id", ""))
        if act is None:
            return
        if not self._may(payload):
            self._whisper(payload, "You are not among those who may decide (policy: review.may_decide).")
            return
        bound = self._tokens.look(str(action.get("value", "")))
        alert = self._briefing.of(bound.incident_id) if bound else None
        if bound is None or alert is None:
            self._whisper(payload, _OLD)
        elif alert.incident is not None and alert.incident.over:
            self._whisper(payload, f"Already decided: {outcome(alert.case)}")
        else:
            self._open(payload, act, alert, bound)

    def _open(self, payload: dict[str, Any], act: ActName, alert: Alert, pressed: Bound) -> None:
        changed = bound_to(alert).stamp != pressed.stamp
        remark = "This has changed since the message was written: look at it as it is now." if changed else ""
        meant = Bound(
            incident_id="",
            case_id="",
            stamp="",
            act=act.value,
            user=_user(payload),
            channel=_channel(payload),
        )
        view = modal(act, alert, self._token(alert, meant), remark, revokes=self._revokes)
        try:
            self._api.call("views_open", trigger_id=str(payload.get("trigger_id", "")), view=view)
        except SlackRefused as error:
            late = error.code in _TRIGGER
            self._whisper(payload, "That took too long: please press again." if late else str(error))
        except Transient:
            self._whisper(payload, "Slack did not answer in time: please press again.")

    def _token(self, alert: Alert, meant: Bound) -> str:
        """A modal's token: who may do what, about the incident as it is now."""
        now = bound_to(alert)
        bound = replace(meant, incident_id=now.incident_id, case_id=now.case_id, stamp=now.stamp)
        return self._tokens.issue(bound, MODAL_MS)

    # -- a modal -------------------------------------------------------------------------------------

    def _submitted(self, payload: dict[str, Any]) -> Answer:
        view = payload.get("view") or {}
        if not str(view.get("callback_id", "")).startswith(ACTION):
            return NOTHING
        reason, hours = answers(view)
        if not self._may(payload):
            return _error("You are not among those who may decide.")
        if not 3 <= len(reason) <= REASON_MAX:
            return _error("Say why, in a few words.")
        bound = self._tokens.spend(str(view.get("private_metadata", "")))
        if bound is None or bound.user != _user(payload):
            return _error("This form was sent already, or is too old: press the button again.")
        return self._accepted(payload, bound, reason, hours)

    def _accepted(self, payload: dict[str, Any], bound: Bound, reason: str, hours: int) -> Answer:
        act, alert = ActName(bound.act), self._briefing.of(bound.incident_id)
        if alert is None:
            return _error(_OLD)
        if alert.incident is not None and alert.incident.over:
            return _error(f"Already decided: {outcome(alert.case)}"[:150])
        now = bound_to(alert)
        if now.stamp != bound.stamp:
            remark = (
                "New evidence has come while you wrote. Look again; send the form to decide all the same."
            )
            view = modal(act, alert, self._token(alert, bound), remark, revokes=self._revokes)
            return {"response_action": "update", "view": view}
        self._out.act(
            Act(
                act=act,
                incident_id=bound.incident_id,
                who=_name(payload),
                why=reason,
                cases={alert.case.id: now.stamp} if bound.case_id else {},
                hours=hours,
                answer_to=(bound.channel, bound.user),
            )
        )
        return NOTHING

    # -- both ----------------------------------------------------------------------------------------

    def _may(self, payload: dict[str, Any]) -> bool:
        return self._people.ours(payload) and self._people.may_decide(_user(payload))

    def _whisper(self, payload: dict[str, Any], text: str) -> None:
        """Only the person who pressed sees it; if it cannot be said, nothing was done all the same."""
        try:
            self._api.call(
                "chat_postEphemeral", channel=_channel(payload), user=_user(payload), text=plain(text, 1000)
            )
        except KeywatchError:
            return


def _act_of(action_id: str) -> ActName | None:
    name = str(action_id).removeprefix(ACTION)
    return ActName(name) if str(action_id).startswith(ACTION) and name in list(ActName) else None


def _user(payload: dict[str, Any]) -> str:
    return str((payload.get("user") or {}).get("id", ""))


def _channel(payload: dict[str, Any]) -> str:
    place = (payload.get("channel") or {}).get("id") or (payload.get("container") or {}).get("channel_id")
    return str(place or "")


def _name(payload: dict[str, Any]) -> str:
    """The user's id, which is who it is, and the name, which is for people."""
    user = payload.get("user") or {}
    name = user.get("username") or user.get("name") or ""
    return f"slack:{_user(payload)}" + (f" ({name})" if name else "")


def _error(text: str) -> Answer:
    return {"response_action": "errors", "errors": {"reason": text}}
