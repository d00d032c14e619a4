"""A reloaded policy holds for people who review, not only for new findings."""

from __future__ import annotations

import io

import pytest

from alerting.policy import load_policy
from domain.case import CaseState, Verdict
from domain.clock import ManualClock
from domain.errors import Rejected
from domain.silence import Silence
from monitor.config import Config
from monitor.connect import connect_redis
from monitor.logs import Log
from monitor.wiring_alerting import alerting_for
from tests.alerts import case, finding
from tests.office import policy


@pytest.mark.redis
def test_a_reload_reaches_review_and_silences(redis_url: str) -> None:
    client = connect_redis(redis_url)
    log = Log(ManualClock(), "error", io.StringIO())
    alerting = alerting_for(Config(), client, lambda: [0], lambda: 100, log)
    office = alerting.office
    office.cases.put(case(finding(), "case_1"))
    now_ms = office.desk.now_ms()
    silence = Silence(id="sil_1", who="ada", why="x", created_ms=now_ms, until_ms=now_ms + 3 * 86_400_000)
    alerting.with_policy(policy(review={"two_person": ["confirm"], "silence_max_days": 1}))
    assert alerting.review.give("case_1", Verdict.CONFIRM, "ada", "leaked").state is CaseState.OPEN
    with pytest.raises(Rejected):
        office.silencing.add(silence)
    alerting.with_policy(load_policy(None))
    assert alerting.review.give("case_1", Verdict.CONFIRM, "ada", "leaked").state is CaseState.CONFIRMED
    office.silencing.add(silence)
    client.close()
