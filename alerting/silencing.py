"""People's acts on silences: checked, audited, and told to the others when more is muted than before."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from msgspec.structs import replace

from alerting.delivery.dispatch import Outgoing
from alerting.desk import checked_text
from alerting.rules import Rulebook
from domain.clock import Clock
from domain.desk import SilenceStore
from domain.errors import Reason, Refused, Rejected
from domain.notice import Notice
from domain.ports import Audit
from domain.silence import Silence, widens

DAY_MS: Final = 86_400_000


@dataclass(frozen=True, slots=True)
class SilenceDesk:
    """See :class:`domain.desk.Silencing`."""

    store: SilenceStore
    audit: Audit
    out: Outgoing
    rules: Rulebook
    clock: Clock

    def add(self, silence: Silence) -> Silence:
        self._check(silence)
        self._write(silence, silence.who, "add silence", silence.why)
        self._tell(silence, f"{silence.who} has silenced alerts", silence.why)
        return silence

    def change(self, silence: Silence, who: str, why: str) -> Silence:
        self._check(silence)
        old = self.store.get(silence.id)
        if old.version != silence.version:
            raise Refused(Reason.CONFLICT, f"silence {old.id} has changed: look again, then decide")
        changed = replace(silence, created_ms=old.created_ms, version=old.version + 1)
        self._write(changed, who, "change silence", why)
        if widens(old, changed):
            self._tell(changed, f"{who} has widened a silence", why)
        return changed

    def end(self, silence_id: str, who: str, why: str) -> Silence:
        old, now_ms = self.store.get(silence_id), self._now_ms()
        if old.until_ms <= now_ms:
            return old
        ended = replace(old, until_ms=now_ms, version=old.version + 1)
        self._write(ended, who, "end silence", why)
        return ended

    def _write(self, silence: Silence, who: str, what: str, why: str) -> None:
        """Audit, then store. The audit has the scope, as the silence itself is forgotten one day."""
        scope = f"{silence.id}: {silence.words()} until {utc(silence.until_ms)}; {checked_text(why)}"
        self.audit.write(who=who, what=what, key_id="", case_id="", why=scope)
        self.store.put(silence)

    def _check(self, silence: Silence) -> None:
        checked_text(silence.why)
        now_ms = self._now_ms()
        if silence.until_ms <= now_ms:
            raise Rejected(Reason.BAD_TIMESTAMP, "the silence would be over already")
        most = self.rules.review.silence_max_days
        if silence.until_ms > now_ms + most * DAY_MS:
            raise Rejected(
                Reason.BAD_TIMESTAMP, f"policy allows silences of {most:g} days (review.silence_max_days)"
            )

    def _tell(self, silence: Silence, title: str, why: str) -> None:
        loud = "also suspensions" if silence.suspensions else "suspensions are still told"
        self.out.notice(
            Notice(
                id=f"silence:{silence.id}:{silence.version}",
                title=title,
                lines=[
                    f"Not told: {silence.words()} ({loud})",
                    f"Until {utc(silence.until_ms)} UTC",
                    f"Reason: {why}",
                    f"End it: keywatch silences end {silence.id}",
                ],
                at_ms=self._now_ms(),
            )
        )

    def _now_ms(self) -> int:
        return int(self.clock.now() * 1000)


def utc(ms: int) -> str:
    """Epoch milliseconds as text, to the minute."""
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%d %H:%M")
