"""What was found, how soon, and who was alarmed for nothing.

An *incident* is the first alert of a key; what follows within a day is the same one. Whatever is raised
on a key from the first malicious request until an hour after the last finds its case; what is raised
later on an attacked key counts for nothing, all else is false. The first days, in which a key's habits
are learned, are counted apart.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from monitor.evaluation.labels import Case, Labels
from monitor.evaluation.run import Played, Raised

INCIDENT_MS: Final = 24 * 3_600_000
GRACE_MS: Final = 3_600_000
DAY_MS: Final = 86_400_000

WARM_UP: Final = "warm-up"
STEADY: Final = "steady"
BEFORE: Final = "before a case"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of an attack: ``requests`` and ``seconds`` from the first malicious one to the alert."""

    corpus: str
    case: Case
    found_by: str = ""
    requests: int = 0
    seconds: float = 0.0
    suspended: bool = False

    @property
    def found(self) -> bool:
        """Whether anybody was told."""
        return bool(self.found_by)


@dataclass(frozen=True, slots=True)
class FalseAlert:
    """An incident on a key that nobody misused."""

    corpus: str
    group: str
    habit: str
    raised: Raised


@dataclass(slots=True)
class Tally:
    """``exposure``: group -> key-days. ``changes``: honest change -> (cases alerted about, cases)."""

    verdicts: list[Verdict] = field(default_factory=list)
    false_alerts: list[FalseAlert] = field(default_factory=list)
    exposure: dict[str, float] = field(default_factory=dict)
    changes: dict[str, tuple[int, int]] = field(default_factory=dict)

    def false_in(self, groups: Iterable[str]) -> int:
        """False alerts in some groups."""
        wanted = set(groups)
        return sum(alert.group in wanted for alert in self.false_alerts)

    def honest_groups(self) -> list[str]:
        """All groups but the warm-up: what the false alert rate is over."""
        return [group for group in self.exposure if group != WARM_UP]

    def false_rate(self) -> float:
        """False alerts per 1,000 key-days over all honest time after the warm-up."""
        groups = self.honest_groups()
        days = sum(self.exposure[group] for group in groups)
        return 1000 * self.false_in(groups) / days if days else 0.0


def incidents(raised: Sequence[Raised]) -> list[Raised]:
    """The first of every key's alerts, and the next one a day after the last incident began."""
    since: dict[str, int] = {}
    out = []
    for one in raised:
        if one.at_ms - since.get(one.key_id, -INCIDENT_MS) >= INCIDENT_MS:
            since[one.key_id] = one.at_ms
            out.append(one)
    return out


def tally(played: Sequence[Played], alerts: Sequence[Sequence[Raised]]) -> Tally:
    """Count ``alerts`` (one list a corpus, in order of offset) against the truth."""
    out = Tally()
    for corpus, raised in zip(played, alerts, strict=True):
        _count(out, corpus, raised)
    return out


def _count(out: Tally, corpus: Played, raised: Sequence[Raised]) -> None:
    labels = corpus.labels
    cases = {key_id: case for case in labels.cases for key_id in case.keys}
    by_key: dict[str, list[Raised]] = {}
    for one in raised:
        by_key.setdefault(one.key_id, []).append(one)
    out.verdicts += [_verdict(corpus.name, case, by_key) for case in labels.cases if case.verdict == "attack"]
    for key_id in labels.keys:
        if key_id not in labels.honey_keys:
            _expose(out, labels, cases.get(key_id))
    alerts = [
        FalseAlert(corpus.name, group, labels.keys.get(one.key_id, ""), one)
        for one in incidents(raised)
        if (group := _group(labels, cases.get(one.key_id), one.at_ms)) and one.key_id not in labels.honey_keys
    ]
    out.false_alerts += alerts
    general = (WARM_UP, STEADY, BEFORE)
    _count_changes(out, labels, {alert.raised.key_id for alert in alerts if alert.group not in general})


def _count_changes(out: Tally, labels: Labels, alarmed: set[str]) -> None:
    for case in labels.cases:
        if case.verdict == "benign":
            hit, of = out.changes.get(case.kind, (0, 0))
            out.changes[case.kind] = (hit + bool(alarmed & set(case.keys)), of + 1)


def honest_findings(corpus: Played) -> list[Raised]:
    """Findings after the warm-up on keys that nobody misused by then."""
    labels = corpus.labels
    cases = {key_id: case for case in labels.cases for key_id in case.keys}
    return [
        one
        for one in corpus.raised
        if one.key_id not in labels.honey_keys
        and _group(labels, cases.get(one.key_id), one.at_ms) not in ("", WARM_UP)
    ]


def case_of(labels: Labels, one: Raised) -> str | None:
    """The id of the attack that a finding belongs to; "" for an honest key's, None where it counts for
    neither."""
    case = next((case for case in labels.cases if one.key_id in case.keys), None)
    group = _group(labels, case, one.at_ms)
    if case is not None and case.verdict == "attack" and not group:
        return case.id if _hits(case, {one.key_id: [one]}) else None
    return "" if group not in ("", WARM_UP) and one.key_id not in labels.honey_keys else None


def attack_scores(corpus: Played) -> list[float]:
    """The highest score of every attack, 0 where nothing was found."""
    by_key: dict[str, list[Raised]] = {}
    for one in corpus.raised:
        by_key.setdefault(one.key_id, []).append(one)
    attacks = [case for case in corpus.labels.cases if case.verdict == "attack"]
    return [max((one.score for one in _hits(case, by_key)), default=0.0) for case in attacks]


def _hits(case: Case, by_key: dict[str, list[Raised]]) -> list[Raised]:
    """What was raised on a case's keys from its first malicious request to an hour after its last."""
    first, until = case.offsets[0], case.end_ms + GRACE_MS
    return [
        one for key_id in case.keys for one in by_key.get(key_id, ())
        if one.offset >= first and one.at_ms <= until
    ]  # fmt: skip


def _verdict(corpus: str, case: Case, by_key: dict[str, list[Raised]]) -> Verdict:
    hits = _hits(case, by_key)
    if not hits:
        return Verdict(corpus, case)
    hit = min(hits, key=lambda one: one.offset)
    return Verdict(
        corpus,
        case,
        found_by=hit.detector,
        requests=bisect_right(case.offsets, hit.offset),
        seconds=max(0.0, (hit.at_ms - case.start_ms) / 1000),
        suspended=any(one.rank >= 2 for one in hits),
    )


def _expose(out: Tally, labels: Labels, case: Case | None) -> None:
    """Add a key's honest time to its groups."""
    warm = labels.start_ms + int(labels.warm_up_days * DAY_MS)
    spans = [(WARM_UP, labels.start_ms, warm)]
    if case is None:
        spans.append((STEADY, warm, labels.end_ms))
    else:
        spans.append((BEFORE, warm, case.start_ms))
        if case.verdict == "benign":
            spans.append((case.kind, case.start_ms, labels.end_ms))
    for group, start, end in spans:
        out.exposure[group] = out.exposure.get(group, 0.0) + max(0, end - start) / DAY_MS


def _group(labels: Labels, case: Case | None, at_ms: int) -> str:
    """The honest group that a moment of a key belongs to; "" from an attack on."""
    if at_ms < labels.start_ms + labels.warm_up_days * DAY_MS:
        return WARM_UP
    if case is None:
        return STEADY
    if at_ms < case.start_ms:
        return BEFORE
    return case.kind if case.verdict == "benign" else ""
