"""Every sample stream gives exactly its expected findings, and is what its generator writes."""

from __future__ import annotations

from pathlib import Path

import pytest

from sample_streams import FOLDER, GEO, scenario_names, scenario_path
from sample_streams.generate import SCENARIOS, packed
from sample_streams.networks import write_mmdb
from tests.scenarios.expectation import expected, replayed

BENIGN = {"steady", "diurnal_multi_region", "deploy_new_region", "marketing_peak", "cold_keys"}
ATTACKS = set(SCENARIOS) - BENIGN


def test_every_scenario_has_its_folder() -> None:
    assert set(scenario_names()) == set(SCENARIOS)
    assert all((FOLDER / name / "README.md").exists() for name in SCENARIOS)


@pytest.mark.parametrize("name", sorted(SCENARIOS))
def test_findings_are_exactly_those_expected(name: str) -> None:
    assert replayed(name) == expected(name)


@pytest.mark.parametrize("name", sorted(BENIGN))
def test_nobody_is_told_about_honest_changes(name: str) -> None:
    assert {row["decision"] for row in expected(name)} <= {"observe"}


@pytest.mark.parametrize("name", sorted(ATTACKS))
def test_every_attack_is_found_on_the_victim_alone(name: str) -> None:
    assert {row["key_id"] for row in expected(name)} == {"key_victim"}


@pytest.mark.parametrize("name", sorted(SCENARIOS))
def test_the_generator_writes_the_same_bytes(name: str) -> None:
    assert packed(name) == scenario_path(name).read_bytes()


def test_the_map_of_the_streams_is_the_generators(tmp_path: Path) -> None:
    write_mmdb(tmp_path / "sample.mmdb")
    made, shipped = (tmp_path / "sample.mmdb").read_bytes(), GEO.read_bytes()
    head = made.index(b"\xab\xcd\xefMaxMind.com")
    assert made[:head] == shipped[:head]
