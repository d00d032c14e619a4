"""What goes in and out beside the domain's own words. Times are epoch milliseconds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated

import msgspec
from msgspec import Meta

from console.access.person import AccessRole
from domain.case import Case, CaseState, Proposal, Verdict
from domain.decision import Decision
from domain.desk import AuditEntry
from domain.incident import Incident
from domain.overview import FoundFinding, KeyLine
from domain.picture import KeyPicture
from domain.ports import KeyStatus
from domain.silence import ANY, Silence

Text = Annotated[str, Meta(min_length=1, max_length=2000)]
Glob = Annotated[str, Meta(min_length=1, max_length=200)]
Moment = Annotated[int, Meta(ge=0, le=253_402_300_799_999)]
PolicyText = Annotated[str, Meta(max_length=65_536)]


class Body(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """What somebody sends: a field we do not know is an error, not ignored."""


# -- cases ------------------------------------------------------------------------------------------


class CaseLine(msgspec.Struct, frozen=True, kw_only=True):
    """A case as lists show it; ``findings`` counts them."""

    id: str
    key_id: str
    tenant: str
    state: CaseState
    opened_ms: int
    closed_ms: int | None
    expires_ms: int | None
    version: int
    decision: Decision
    risk: float
    suspended: bool
    findings: int
    incident_id: str
    verdict: Verdict | None
    revoked: bool
    proposal: Proposal | None


def line_of(case: Case) -> CaseLine:
    """Without the evidence."""
    names = [name for name in CaseLine.__struct_fields__ if name != "findings"]
    return CaseLine(findings=len(case.findings), **{name: getattr(case, name) for name in names})


class CaseList(msgspec.Struct, frozen=True, kw_only=True):
    """Newest first. ``next`` is the cursor of the next page, empty on the last."""

    items: Sequence[CaseLine]
    next: str


class GiveVerdict(Body, frozen=True, kw_only=True):
    """``revoke`` ends the key for good; only with ``confirm``, where the key store can."""

    verdict: Verdict
    reason: Text
    revoke: bool = False


class WriteComment(Body, frozen=True, kw_only=True):
    """A line for the timeline."""

    text: Text


class GiveReason(Body, frozen=True, kw_only=True):
    """Why: kept in the history and the audit."""

    reason: Text


# -- incidents, keys, findings ----------------------------------------------------------------------


class IncidentList(msgspec.Struct, frozen=True, kw_only=True):
    """Newest first."""

    items: Sequence[Incident]
    next: str


class KeyList(msgspec.Struct, frozen=True, kw_only=True):
    """In no order that means anything."""

    items: Sequence[KeyLine]
    next: str


class Precision(msgspec.Struct, frozen=True, kw_only=True):
    """How a detector's findings fared with people; ``precision`` is null while nobody has judged."""

    confirmed: int
    false_positive: int
    reinstated: int
    precision: float | None


class PrecisionReport(msgspec.Struct, frozen=True, kw_only=True):
    """By detector."""

    detectors: Mapping[str, Precision]


class Key(msgspec.Struct, frozen=True, kw_only=True):
    """A key as it is now. ``status`` is null where the key store does not say, and ``status_error`` why;
    ``picture`` is null without a baseline. ``cases`` are the newest few.
    """

    key_id: str
    status: KeyStatus | None
    status_error: str
    picture: KeyPicture | None
    cases: Sequence[CaseLine]
    precision: Mapping[str, Precision]


class SuspendKey(Body, frozen=True, kw_only=True):
    """By a person: until a person lets it go."""

    key_id: Annotated[str, Meta(min_length=1, max_length=512)]
    reason: Text


class FindingList(msgspec.Struct, frozen=True, kw_only=True):
    """Newest first."""

    items: Sequence[FoundFinding]
    next: str


# -- silences ---------------------------------------------------------------------------------------


class SilenceList(msgspec.Struct, frozen=True, kw_only=True):
    """Newest first, also those that are over."""

    items: Sequence[Silence]
    next: str


class BeginSilence(Body, frozen=True, kw_only=True):
    """Globs of what not to tell; ``suspensions`` mutes messages of suspensions too."""

    reason: Text
    until_ms: Moment
    key: Glob = ANY
    tenant: Glob = ANY
    detector: Glob = ANY
    kind: Glob = ANY
    network: Glob = ANY
    suspensions: bool = False


class ChangeSilence(Body, frozen=True, kw_only=True):
    """What is left out stays as it is."""

    reason: Text
    until_ms: Moment | None = None
    key: Glob | None = None
    tenant: Glob | None = None
    detector: Glob | None = None
    kind: Glob | None = None
    network: Glob | None = None
    suspensions: bool | None = None


# -- policy, backtests, audit -----------------------------------------------------------------------


class PolicyInUse(msgspec.Struct, frozen=True, kw_only=True):
    """The file's text; it is changed where it is kept."""

    policy: str


class TryPolicy(Body, frozen=True, kw_only=True):
    """A policy's text."""

    policy: PolicyText


class ComparePolicy(Body, frozen=True, kw_only=True):
    """``cases``: how many of the newest to look at."""

    policy: PolicyText
    cases: Annotated[int, Meta(ge=1, le=2000)] = 500


class PolicyProblems(msgspec.Struct, frozen=True, kw_only=True):
    """Empty for a policy that would be taken up."""

    problems: Sequence[str]


class StartBacktest(Body, frozen=True, kw_only=True):
    """The policy to try on the requests that Kafka still holds of the period."""

    policy: PolicyText
    from_ms: Moment
    to_ms: Moment


class AuditList(msgspec.Struct, frozen=True, kw_only=True):
    """Newest first."""

    items: Sequence[AuditEntry]
    next: str


class Myself(msgspec.Struct, frozen=True, kw_only=True):
    """Who you are here. ``csrf`` is what ``X-CSRF-Token`` must carry with a cookie; empty with a token."""

    name: str
    role: AccessRole
    via: str
    csrf: str


class ErrorPlace(msgspec.Struct, frozen=True, kw_only=True):
    """Where in the request something is wrong."""

    where: str
    what: str


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """Problem details (RFC 9457). ``reason`` is constant, ``detail`` is for people."""

    type: str
    title: str
    status: int
    detail: str
    reason: str
    errors: Sequence[ErrorPlace] = ()
