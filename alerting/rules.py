"""The parts of the policy that are about people: grouping, reminders, review."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from alerting.incidents.base import Grouping
from domain.case import Verdict
from domain.incident import Scope, Severity


class GroupRules(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """What makes one incident of several keys. ``minutes``: how long one takes in others after its last
    finding. The key itself always groups.
    """

    by: tuple[Scope, ...] = (Scope.NETWORK, Scope.TENANT)
    minutes: int = 60

    def grouping(self) -> Grouping:
        """As the incident store wants it."""
        return Grouping(by=tuple(self.by), window_ms=self.minutes * 60_000)


class RemindRules(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """When nobody acts. ``after_minutes`` are counted from the first message; the last of them escalates
    to ``alert.escalate_to`` of the settings.
    """

    after_minutes: tuple[int, ...] = (15, 60)
    severity: Severity = Severity.CRITICAL


class ReviewRules(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """Who decides and how. ``may_decide`` and ``may_look`` are Slack user (U...) or user group (S...) ids;
    nobody may decide in Slack while it is empty. ``two_person`` names the verdicts that need two people.
    A case that suspended nothing expires after ``case_days``.
    """

    may_decide: list[str] = []
    may_look: list[str] = []
    two_person: list[Verdict] = []
    allowance_days: float = 7.0
    case_days: float = 7.0
    silence_max_days: float = 30.0


@dataclass(slots=True)
class Rulebook:
    """The rules in use. A reload of the policy replaces them, so they are read anew at each use."""

    review: ReviewRules
    remind: RemindRules
