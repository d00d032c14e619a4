"""Changed files while running: checked first, the old kept when broken, and written in the audit."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from alerting.audit import MemoryAudit
from alerting.policy import Policy
from detectors.forest import Forest, ForestModel
from domain.address import parse_address
from domain.clock import ManualClock
from domain.errors import Fatal, Reason, Transient
from domain.profile import FEATURES
from monitor.enrich.enricher import Enricher
from monitor.enrich.geo import VENDORED, Geo
from monitor.enrich.lists import NetworkLists
from monitor.forest import ForestKeeper
from monitor.logs import Log
from monitor.meter import Meter
from monitor.reload import LOOK_EVERY_S, FileKeeper, PolicyKeeper, Reloads
from sample_streams import GEO
from tests.unit.test_metrics import scraped

POLICY = "version: 1\nsuspend: {suspend}\nrules:\n  - {{name: rest, then: {then}}}\n"


class Desk:
    """Where reloads are written down."""

    def __init__(self) -> None:
        self.clock = ManualClock(1000.0)
        self.meter = Meter()
        self.audit: Any = MemoryAudit()
        self.stream = io.StringIO()
        self.reloads = Reloads(self.meter, self, Log(self.clock, "info", self.stream))
        self.away = False

    def write(self, **line: str) -> None:
        """The audit, which can be away."""
        if self.away:
            raise Transient(Reason.UNREACHABLE, "the audit is away")
        self.audit.write(**line)

    def logged(self, event: str) -> list[dict[str, Any]]:
        lines = [json.loads(line) for line in self.stream.getvalue().splitlines()]
        return [line for line in lines if line["event"] == event]

    def broken(self, what: str) -> float:
        return scraped(self.meter)[f"keywatch_reload_broken{{what={what}}}"]

    def count(self, what: str, outcome: str) -> float:
        return scraped(self.meter)[f"keywatch_reloads_total{{outcome={outcome},what={what}}}"]


@pytest.fixture
def desk() -> Desk:
    return Desk()


def write(path: Path, suspend: str = "dry-run", then: str = "observe") -> None:
    """As editors and ConfigMaps do: another file in the place of the old."""
    fresh = path.with_suffix(".new")
    fresh.write_text(POLICY.format(suspend=suspend, then=then))
    fresh.replace(path)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "policy.yaml"
    write(file)
    return file


class Kept:
    def __init__(self, desk: Desk, path: Path | None) -> None:
        self.adopted: list[Policy] = []
        self.keeper = PolicyKeeper(path, self.adopted.append, desk.reloads, desk.clock)
        self._clock = desk.clock

    def look(self) -> None:
        self._clock.advance(LOOK_EVERY_S)
        self.keeper.refresh()


def test_a_changed_policy_is_adopted_and_the_audit_says_what_changed(desk: Desk, path: Path) -> None:
    kept = Kept(desk, path)
    write(path, suspend="on", then="alert")
    kept.look()
    assert [policy.suspend for policy in kept.adopted] == ["on"]
    assert kept.keeper.policy.suspend == "on"
    (line,) = desk.audit.lines
    assert line["what"] == "reload policy"
    assert line["why"] == f"{path}: changed rules, suspend: dry-run -> on"
    assert desk.count("policy", "adopted") == 1


def test_nothing_happens_before_it_is_time_or_when_nothing_changed(desk: Desk, path: Path) -> None:
    kept = Kept(desk, path)
    kept.look()
    write(path)
    kept.look()
    write(path, suspend="on")
    desk.clock.advance(LOOK_EVERY_S - 1)
    kept.keeper.refresh()
    assert not kept.adopted
    assert not desk.audit.lines


def test_a_signal_makes_it_look_at_once(desk: Desk, path: Path) -> None:
    kept = Kept(desk, path)
    write(path, suspend="on")
    kept.keeper.refresh()
    assert not kept.adopted
    kept.keeper.due.now()
    kept.keeper.refresh()
    assert len(kept.adopted) == 1


@pytest.mark.parametrize(
    "broken", ["rules: [", "version: 1\nsuspnd: on\nrules: []\n", "version: 2\nrules: []\n"]
)
def test_a_broken_policy_is_refused_told_and_the_old_one_kept(desk: Desk, path: Path, broken: str) -> None:
    kept = Kept(desk, path)
    path.write_text(broken)
    kept.look()
    assert not kept.adopted
    assert kept.keeper.policy.suspend == "dry-run"
    assert desk.broken("policy") == 1
    assert desk.logged("file_not_reloaded")[0]["error"]
    write(path, suspend="on")
    kept.look()
    assert [policy.suspend for policy in kept.adopted] == ["on"]
    assert desk.broken("policy") == 0


def test_a_policy_that_suspends_on_one_kind_of_evidence_is_refused_while_running_too(
    desk: Desk, path: Path
) -> None:
    kept = Kept(desk, path)
    write(path, suspend="on", then="suspend")
    kept.look()
    assert not kept.adopted
    assert "suspends on one kind of evidence" in desk.logged("file_not_reloaded")[0]["error"]


def test_a_policy_that_is_no_text_is_refused(desk: Desk, path: Path) -> None:
    kept = Kept(desk, path)
    path.write_bytes(b"\xff\xfe\x00")
    kept.look()
    assert not kept.adopted
    assert desk.broken("policy") == 1


def test_a_deleted_policy_is_told_and_the_old_one_kept(desk: Desk, path: Path) -> None:
    kept = Kept(desk, path)
    path.unlink()
    kept.look()
    assert kept.keeper.policy.suspend == "dry-run"
    assert desk.broken("policy") == 1


def test_without_an_audit_there_is_no_new_policy(desk: Desk, path: Path) -> None:
    kept = Kept(desk, path)
    write(path, suspend="on")
    desk.away = True
    kept.look()
    assert not kept.adopted
    desk.away = False
    kept.look()
    assert len(kept.adopted) == 1
    assert desk.broken("policy") == 0


def test_a_link_that_is_moved_to_another_file_is_a_change(desk: Desk, tmp_path: Path) -> None:
    one, other, link = tmp_path / "one.yaml", tmp_path / "other.yaml", tmp_path / "policy.yaml"
    write(one)
    write(other, suspend="off")
    link.symlink_to(one)
    kept = Kept(desk, link)
    fresh = tmp_path / "fresh"
    fresh.symlink_to(other)
    fresh.replace(link)
    kept.look()
    assert kept.keeper.policy.suspend == "off"


def test_the_shipped_policy_is_not_looked_at_again(desk: Desk) -> None:
    kept = Kept(desk, None)
    kept.look()
    assert not kept.adopted


# -- GeoIP and lists ---------------------------------------------------------------------------------


class Files:
    """A country database and two lists."""

    def __init__(self, folder: Path, desk: Desk) -> None:
        self.mmdb, self.tor, self.vpn = folder / "geo.mmdb", folder / "tor", folder / "vpn"
        self.mmdb.write_bytes(VENDORED.read_bytes())
        self.tor.write_text("198.18.0.0/16\n")
        self.vpn.write_text("")
        self.geo, self.lists = Geo([self.mmdb]), NetworkLists({"tor": self.tor, "vpn": self.vpn})
        self._clock = desk.clock
        self.keeper = FileKeeper(Enricher(self.geo, self.lists), desk.reloads, desk.clock)

    def look(self) -> None:
        self._clock.advance(LOOK_EVERY_S)
        self.keeper.refresh()

    def listed(self, text: str) -> int:
        return self.lists.lookup(parse_address(text), 0)


@pytest.fixture
def files(tmp_path: Path, desk: Desk) -> Files:
    return Files(tmp_path, desk)


def replace(path: Path, content: bytes) -> None:
    fresh = path.with_suffix(".new")
    fresh.write_bytes(content)
    fresh.replace(path)


def test_a_changed_list_is_taken_up_and_audited(files: Files, desk: Desk) -> None:
    assert files.listed("203.0.113.9") == 0
    replace(files.vpn, b"203.0.113.0/24\n")
    files.look()
    assert files.listed("203.0.113.9") == 0b10
    assert desk.audit.lines[0]["what"] == "reload lists"
    assert str(files.vpn) in desk.audit.lines[0]["why"]


def test_a_changed_database_is_taken_up_and_audited(files: Files, desk: Desk) -> None:
    before = files.geo.lookup(parse_address("198.18.0.1"))
    replace(files.mmdb, GEO.read_bytes())
    files.look()
    assert files.geo.lookup(parse_address("198.18.0.1")) != before
    assert desk.audit.lines[0]["what"] == "reload geoip"


@pytest.mark.parametrize("content", [b"not an address\n", b"\xff\xfe\x00"])
def test_a_broken_list_is_refused_and_does_not_hold_up_the_others(
    files: Files, desk: Desk, content: bytes
) -> None:
    replace(files.tor, content)
    replace(files.vpn, b"203.0.113.0/24\n")
    files.look()
    assert files.listed("198.18.3.3") == 0b01
    assert files.listed("203.0.113.9") == 0b10
    assert desk.broken("lists") == 1
    assert desk.broken("geoip") == 0
    assert "geoip.lists.tor" in desk.logged("file_not_reloaded")[0]["error"]
    replace(files.tor, b"192.0.2.0/24\n")
    files.look()
    assert files.listed("198.18.3.3") == 0
    assert desk.broken("lists") == 0


def test_a_broken_database_is_refused_and_the_old_one_kept(files: Files, desk: Desk) -> None:
    replace(files.mmdb, b"half written")
    files.look()
    assert desk.broken("geoip") == 1
    assert files.geo.lookup(parse_address("8.8.8.8")).country == "US"


def test_an_audit_line_that_could_not_be_written_is_written_later(files: Files, desk: Desk) -> None:
    desk.away = True
    replace(files.vpn, b"203.0.113.0/24\n")
    files.look()
    assert files.listed("203.0.113.9") == 0b10
    assert not desk.audit.lines
    desk.away = False
    files.look()
    assert len(desk.audit.lines) == 1
    files.look()
    assert len(desk.audit.lines) == 1


# -- the forest --------------------------------------------------------------------------------------


class Store(dict[str, bytes]):
    """GET and SET of Redis."""

    def set(self, name: str, value: bytes | str) -> None:
        self[name] = value if isinstance(value, bytes) else value.encode()


def test_a_forest_is_audited_when_published_and_a_broken_one_is_refused(desk: Desk) -> None:
    store = Store()
    adopted: list[Forest] = []
    keeper = ForestKeeper(store, "t", desk.reloads, adopted.append, desk.clock)
    sample = np.random.default_rng(1).normal(size=(300, FEATURES)).astype(np.float32)
    keeper.publish(ForestModel(version="v1", sample=sample, seed=1))
    assert desk.audit.lines[0]["why"] == "version v1 from 300 windows"
    assert keeper.refresh()
    assert keeper.trained_s == 1000.0
    assert desk.count("forest", "adopted") == 1
    store["kw:forest:t"] = b"garbage"
    with pytest.raises(Fatal, match="holds no forest"):
        keeper.refresh()
    assert desk.broken("forest") == 1
    assert keeper.version == "v1"
    assert len(adopted) == 1


def test_without_an_audit_no_forest_is_published(desk: Desk) -> None:
    store = Store()
    keeper = ForestKeeper(store, "t", desk.reloads, lambda _: None, desk.clock)
    desk.away = True
    with pytest.raises(Transient):
        keeper.publish(ForestModel(version="v1", sample=np.zeros((300, FEATURES), np.float32), seed=1))
    assert not store
