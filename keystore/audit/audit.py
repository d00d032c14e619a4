"""The audit itself: one pass over all keys, a page at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from domain.ports import KeyState
from keystore.audit.controls import Control, Moment
from keystore.audit.facts import KeyFacts, KeyUsage, Reviews
from keystore.audit.report import AuditReport
from keystore.audit.tally import Tally

NAMED: int = 20
"""Keys that a control names by default; all are counted."""


def audit(
    pages: Iterable[Sequence[KeyFacts]],
    moment: Moment,
    usage: KeyUsage | None = None,
    reviews: Reviews | None = None,
    *,
    named: int = NAMED,
    progress: Callable[[int], None] = lambda _keys: None,
) -> AuditReport:
    """Hold every key to every control.

    Reads one page at a time and keeps ``named`` keys a control. Without baselines in ``usage``, networks
    and leaks are ``unknown`` rather than ok, and without ``reviews`` so are verdicts. ``progress`` is
    told the number of keys after each page.
    Raises what the store, ``usage`` and ``reviews`` raise: half an audit is no audit.
    """
    usage = usage if usage is not None and usage.watching() else None
    tally = Tally(moment, named, _blind(usage, reviews))
    for page in pages:
        for key in _with_usage(page, usage):
            tally.add(_with_review(key, reviews))
        progress(len(page))
    leaks, leaked = tally.leaks(usage.leaked() if usage else None)
    controls = [leaked, *tally.results()]
    return AuditReport(
        at_ms=moment.now_ms,
        status=max((result.status for result in controls), key=lambda status: status.rank),
        keys=tally.keys,
        states=dict(sorted(tally.states.items())),
        external=tally.external,
        daily_verifications=tally.verifications,
        daily_requests=round(tally.requests, 1) if usage else None,
        leaks=leaks,
        controls=controls,
    )


def _blind(usage: KeyUsage | None, reviews: Reviews | None) -> frozenset[Control]:
    missing = {Control.MANY_NETWORKS: usage, Control.UNREVIEWED: reviews}
    return frozenset(control for control, port in missing.items() if port is None)


def _with_usage(page: Sequence[KeyFacts], usage: KeyUsage | None) -> Sequence[KeyFacts]:
    if usage is None:
        return page
    found = usage.observed([key.key_id for key in page])
    return [replace(key, watched=True, seen=seen) for key, seen in zip(page, found, strict=True)]


def _with_review(key: KeyFacts, reviews: Reviews | None) -> KeyFacts:
    if reviews is None or not key.case_id or key.state is not KeyState.SUSPENDED:
        return key
    return replace(key, waiting_since_ms=reviews.waiting_since_ms(key.case_id))
