"""The modal that asks for a reason, with the facts as they are when it opens."""

from __future__ import annotations

from typing import Any, Final

from alerting.delivery.errands import ActName
from alerting.notifiers.slack_blocks import ACTION, detail, label_of
from alerting.notifiers.slack_text import Block, code, context, fitted, plain, section, sections
from alerting.notifiers.words import done_to, headline, outcome
from domain.ports import Alert

REASON_MAX: Final = 1_000
HOURS: Final = (1, 4, 24, 72, 168)
EVIDENCE_SHOWN: Final = 5
_WARNS: Final = {
    ActName.REINSTATE: "The key works again at once.",
    ActName.CONFIRM: "The key is revoked for good: it never works again.",
    ActName.ROTATE: "The owner is asked to replace the key. Nothing else changes.",
    ActName.FALSE_POSITIVE: "The key works again; findings like these pass for a while. Others are told.",
    ActName.SILENCE: "Findings like these are not told for a while; keys are still suspended. Others hear.",
}
_KEEPS: Final = "It was misuse: a suspended key stays suspended. This key store cannot end a key for good."


def modal(
    act: ActName, alert: Alert, token: str, remark: str = "", *, revokes: bool = True
) -> dict[str, Any]:
    """The view to open; ``token`` is all that it carries. ``revokes``: the key store can end a key."""
    body = sections([line for f in alert.findings[-EVIDENCE_SHOWN:] for line in detail(alert.case, f)])
    head = [section(f":warning: {plain(remark, 500)}")] if remark else []
    if alert.total > 1:
        head.append(
            section(f"*This is about all open keys of the incident: {_open(alert)} of {alert.total}*")
        )
    head.append(section(f"{plain(headline(alert))}: {code(alert.case.key_id)}"))
    if said := outcome(alert.case):
        head.append(section(plain(said, 500)))
    warns = _KEEPS if act is ActName.CONFIRM and not revokes else _WARNS[act]
    blocks, _ = fitted(head, body, [context(warns), *_inputs(act)])
    return {
        "type": "modal",
        "callback_id": f"{ACTION}{act.value}",
        "private_metadata": token,
        "title": {"type": "plain_text", "text": label_of(act, revokes=revokes)[:24]},
        "submit": {"type": "plain_text", "text": "Do it"},
        "close": {"type": "plain_text", "text": "Cancel"},
        "blocks": blocks,
    }


def _open(alert: Alert) -> int:
    return alert.incident.open if alert.incident else 1


def _inputs(act: ActName) -> list[Block]:
    reason = {
        "type": "input",
        "block_id": "reason",
        "label": {"type": "plain_text", "text": "Why? Kept in the audit, shown to the owner"},
        "element": {
            "type": "plain_text_input",
            "action_id": "reason",
            "multiline": True,
            "min_length": 3,
            "max_length": REASON_MAX,
        },
    }
    return [_hours_input(), reason] if act is ActName.SILENCE else [reason]


def _hours_input() -> Block:
    options = [{"text": {"type": "plain_text", "text": f"{h} hours"}, "value": str(h)} for h in HOURS]
    return {
        "type": "input",
        "block_id": "hours",
        "label": {"type": "plain_text", "text": "For how long?"},
        "element": {
            "type": "static_select",
            "action_id": "hours",
            "options": options,
            "initial_option": options[0],
        },
    }


def answers(view: dict[str, Any]) -> tuple[str, int]:
    """The reason and the hours that a submitted view holds; "" and 0 where it holds none."""
    values = view.get("state", {}).get("values", {})
    reason = values.get("reason", {}).get("reason", {}).get("value") or ""
    chosen = values.get("hours", {}).get("hours", {}).get("selected_option") or {}
    hours = chosen.get("value", "0")
    return str(reason).strip(), int(hours) if str(hours) in map(str, HOURS) else 0


def state_words(alert: Alert) -> str:
    """The case in one line, for answers."""
    return f"{alert.case.key_id} {done_to(alert.case.decision)}; {alert.case.state.value}"
