"""What messages look like in Slack."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from slack_sdk.models.blocks import ActionsBlock, ButtonElement, HeaderBlock, SectionBlock

from alerting.delivery.errands import ActName
from alerting.notifiers.slack_text import (
    Block,
    code,
    context,
    escaped,
    fitted,
    markdown,
    plain,
    section,
    sections,
)
from alerting.notifiers.sparkline import day_lines
from alerting.notifiers.words import done_to, headline, how_to_review, outcome, place, reminded, why
from domain.case import Case, CaseState
from domain.finding import Finding, origin
from domain.notice import Notice
from domain.ports import Alert, Reminder

EVIDENCE_SHOWN: Final = 6
CASES_SHOWN: Final = 20
BUTTONS: Final = {
    ActName.REINSTATE: "Reinstate",
    ActName.CONFIRM: "Confirm and revoke",
    ActName.ROTATE: "Ask to rotate",
    ActName.FALSE_POSITIVE: "False positive",
    ActName.SILENCE: "Silence",
}
KEEPS: Final = "Confirm misuse"
"""What ``CONFIRM`` is called where the key store cannot revoke."""
ACTION: Final = "keywatch:"
"""Action ids are this and the act's name."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A message to post: what it says, and ids of the findings it tells of. ``left_out`` blocks of
    evidence did not fit; the thread has them.
    """

    text: str
    blocks: list[Block]
    findings: list[str]
    left_out: list[Block]


def draft(alert: Alert, token: str = "", *, revokes: bool = True) -> Draft:
    """The message of an alert; buttons only with a ``token``. ``revokes``: the key store can end a key."""
    told = list(alert.findings)
    body = sections([line for finding in told for line in evidence(finding)]) or [
        section("no evidence was recorded")
    ]
    blocks, left_out = fitted(_head(alert), body, _tail(alert, token, revokes))
    dropped = body[len(body) - left_out :] if left_out else []
    return Draft(fallback(alert), blocks, [short(finding) for finding in told], dropped)


def _head(alert: Alert) -> list[Block]:
    case = alert.case
    fields = [
        markdown(f"*Key*\n{code(case.key_id)}"),
        markdown(f"*Tenant*\n{code(case.tenant or '-')}"),
        markdown(f"*Risk*\n{case.risk:.2f}"),
        markdown(f"*From*\n{code(place(alert) or 'unknown')}"),
    ]
    parts = [HeaderBlock(text=headline(alert)[:150]).to_dict(), SectionBlock(fields=fields).to_dict()]
    if alert.others:
        lines = [_member(other) for other in alert.others[:CASES_SHOWN]]
        more = alert.total - 1 - len(lines)
        also = [f"and {more} more: {code(f'keywatch cases list --incident {alert.id}')}"] if more > 0 else []
        parts += sections(["*Also*", *lines, *also])
    return parts


def _member(case: Case) -> str:
    return f"• {code(case.key_id, 80)} {done_to(case.decision)}, risk {case.risk:.2f}"


def _tail(alert: Alert, token: str, revokes: bool) -> list[Block]:
    case, finding = alert.case, alert.findings[-1]
    parts: list[Block] = [{"type": "divider"}]
    if finding.client or finding.endpoint:
        parts.append(section(f"*Last request* {code(finding.endpoint)} by {code(finding.client)}"))
    if case.picture:
        now, usual = day_lines(case.picture)
        parts.append(section(f"*Last 24 h* {code(now)}\n*As usual* {code(usual)}"))
    review = f"*Review* {code(how_to_review(alert))}"
    parts.append(section(f"{review} or <{alert.link}|open the case>" if alert.link else review))
    if said := outcome(case):
        parts.append(section(f"*{plain(said, 1000)}*"))
    parts.append(context(f"{plain(why(alert), 2000)}. {_until(case)}"))
    if alert.failing:
        parts.append(context(f":warning: not delivered elsewhere: {plain(alert.failing, 500)}"))
    if token and case.state is CaseState.OPEN:
        parts.append(buttons(token, revokes=revokes))
    return parts


def label_of(act: ActName, *, revokes: bool) -> str:
    """What a button says that it does."""
    return KEEPS if act is ActName.CONFIRM and not revokes else BUTTONS[act]


def buttons(token: str, *, revokes: bool) -> Block:
    """One a verdict; each asks for a reason before anything happens."""
    styles = {ActName.REINSTATE: "primary", ActName.CONFIRM: "danger"}
    elements = [
        ButtonElement(
            text=label_of(act, revokes=revokes),
            action_id=f"{ACTION}{act.value}",
            value=token,
            style=styles.get(act),
        )
        for act in BUTTONS
    ]
    return ActionsBlock(elements=elements, block_id="keywatch").to_dict()


def evidence(finding: Finding) -> list[str]:
    """Expected and actual, a line each."""
    return [
        f"• *{escaped(e.what)}*: {code(e.actual)}, expected {code(e.expected)}"
        for e in finding.evidence[:EVIDENCE_SHOWN]
    ]


def detail(case: Case, finding: Finding) -> list[str]:
    """A finding as the thread tells it."""
    head = f"{code(case.key_id, 80)} *{finding.detector}* {finding.bits:.0f} bits, risk {finding.risk:.2f}"
    return [f"{head}, from {code(origin(finding) or 'unknown')}", *evidence(finding)]


def short(finding: Finding) -> str:
    """Enough of a finding's id to know it again in its thread."""
    return finding.id[:8]


def notice_blocks(notice: Notice) -> list[Block]:
    """A notice; its lines may hold names that people chose."""
    return [
        section(f"*{plain(notice.title)}*"),
        *sections([plain(line, 1000) for line in notice.lines]),
    ]


def reminder_text(reminder: Reminder, mention: str) -> str:
    """``mention`` is the operator's own and goes through as it is."""
    head = f"{mention} " if mention and reminder.escalated else ""
    return f"{head}{reminded(reminder)}: {escaped(headline(reminder.alert))}"


def _until(case: Case) -> str:
    if case.suspended and case.expires_ms and case.state is CaseState.OPEN:
        seconds = case.expires_ms // 1000
        return f"The suspension ends by itself <!date^{seconds}^{{date_short_pretty}} {{time}}|later>."
    return ""


def fallback(alert: Alert) -> str:
    """The text of notifications and of clients without blocks."""
    return escaped(f"{headline(alert)}: {alert.case.key_id} (risk {alert.case.risk:.2f})")


def without_tokens(blocks: list[Block]) -> list[Any]:
    """What the message says: the same whenever it says the same."""
    return [block for block in blocks if block["type"] != "actions"] + [
        any(block["type"] == "actions" for block in blocks)
    ]
