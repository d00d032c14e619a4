"""What evidence is worth, and what it adds up to."""

from __future__ import annotations

import pytest

from detectors.catalog import DETECTORS
from detectors.combine import WORTH, evidence_of, risk_of, score_of

PROOF = {"honey_key", "stopped_key", "leaked_secret"}


def test_every_detector_but_proof_has_a_worth() -> None:
    assert set(WORTH) == set(DETECTORS) - PROOF


@pytest.mark.parametrize("detector", sorted(WORTH))
def test_rarer_claims_are_never_worth_less(detector: str) -> None:
    worth = [evidence_of(detector, weight / 2) for weight in range(49)]
    assert worth == sorted(worth)
    assert worth[0] == 0.0 < worth[-1]


def test_proof_is_worth_its_weight() -> None:
    assert evidence_of("honey_key", 60.0) == 60.0


def test_kinds_add_up_and_no_kind_alone_makes_a_suspension() -> None:
    assert score_of({"origin": 12.0, "client": 9.5}) == 21.5
    assert risk_of({"behaviour": 30.0}) == risk_of({"behaviour": 20.0}) < 0.95
    assert risk_of({"behaviour": 12.0, "client": 9.5}) > 0.95
