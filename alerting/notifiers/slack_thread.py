"""What hangs below a message: findings that came later, evidence that did not fit, pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, Protocol

from alerting.delivery.book import Standing
from alerting.notifiers.slack_api import SlackApi
from alerting.notifiers.slack_blocks import detail, fallback, short
from alerting.notifiers.slack_text import Block, fitted, section, sections
from domain.errors import Refused
from domain.ports import Alert

REMEMBERED: Final = 400
"""Short ids kept of findings told: more than an incident's message shows."""
REPLY_FINDINGS: Final = 30


@dataclass(frozen=True, slots=True)
class Picture:
    """A PNG with its title and the text for who cannot see it."""

    name: str
    title: str
    alt: str
    png: bytes


class Pictures(Protocol):
    """Draws what belongs to an alert."""

    def of(self, alert: Alert) -> Sequence[Picture]:
        """Some pictures, or none."""


class Thread:
    """Replies below a message that stands already."""

    def __init__(self, api: SlackApi, channel: str, pictures: Pictures | None) -> None:
        self._api = api
        self._channel = channel
        self._pictures = pictures

    def brought_up(
        self, alert: Alert, standing: Standing, left_out: list[Block], *, existed: bool
    ) -> Standing:
        """Tell what the thread does not tell yet; with a sound when the incident became worse."""
        told_ms = alert.incident.told_ms if alert.incident else 0
        loud = existed and told_ms > standing.told_ms
        lines, ids = _news(alert, standing)
        blocks, _ = fitted([], [*([] if existed else left_out), *sections(lines)], [])
        if blocks or loud:
            self.reply(standing, fallback(alert), blocks or [section(fallback(alert))], broadcast=loud)
        known = [*standing.detailed.split(), *ids][-REMEMBERED:]
        standing = replace(standing, detailed=" ".join(known), told_ms=max(told_ms, standing.told_ms))
        return self._illustrated(alert, standing)

    def reply(
        self, standing: Standing, text: str, blocks: list[Block] | None = None, *, broadcast: bool = False
    ) -> None:
        """One reply; ``broadcast`` shows it in the channel too."""
        self._api.call(
            "chat_postMessage",
            paced=self._channel,
            channel=standing.channel,
            thread_ts=standing.ts,
            text=text,
            blocks=blocks or [section(text)],
            reply_broadcast=broadcast,
            unfurl_links=False,
            unfurl_media=False,
        )

    def _illustrated(self, alert: Alert, standing: Standing) -> Standing:
        """Pictures are uploaded once; a Slack that will not take them keeps nobody from being told."""
        if standing.charted or self._pictures is None or alert.incident is None:
            return standing
        pictures = self._pictures.of(alert)
        if pictures:
            uploads = [
                {"filename": p.name, "content": p.png, "title": p.title, "alt_txt": p.alt} for p in pictures
            ]
            try:
                self._api.call(
                    "files_upload_v2",
                    file_uploads=uploads,
                    channel=standing.channel,
                    thread_ts=standing.ts,
                    request_file_info=False,
                )
            except Refused:
                return replace(standing, charted=1)
        return replace(standing, charted=1)


def _news(alert: Alert, standing: Standing) -> tuple[list[str], list[str]]:
    """Lines about findings that neither message nor thread tells of, and their short ids."""
    known = set(standing.detailed.split())
    lines: list[str] = []
    ids: list[str] = []
    for case in (alert.case, *alert.others):
        for finding in case.findings:
            if short(finding) in known:
                continue
            ids.append(short(finding))
            if len(ids) <= REPLY_FINDINGS:
                lines += detail(case, finding)
    return lines, ids
