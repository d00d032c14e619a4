"""Changed files taken up while running: checked first, the old one kept when broken, written in the audit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from alerting.policy import Policy, load_policy
from domain.clock import Clock
from domain.errors import Fatal, Reason, Transient
from domain.ports import Audit
from monitor.enrich.enricher import Enricher
from monitor.logs import Log
from monitor.meter import Meter
from monitor.metrics import RELOAD_BROKEN, RELOADS

LOOK_EVERY_S: Final = 30.0
Stamp = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Reloads:
    """Writes down what was adopted or refused. ``what`` is one of ``monitor.metrics.RELOADED``."""

    meter: Meter
    audit: Audit
    log: Log

    def audited(self, what: str, why: str) -> None:
        """Into the audit. Raises ``Transient`` when it could not be written."""
        self.audit.write(who="keywatch", what=f"reload {what}", key_id="", case_id="", why=why)

    def adopted(self, what: str, path: str) -> None:
        """In use from now on."""
        self.meter.add(RELOADS, 1, what, "adopted")
        self.log.info("file_reloaded", what=what, path=path)

    def refused(self, what: str, error: Exception) -> None:
        """The old one stays in use."""
        self.meter.add(RELOADS, 1, what, "refused")
        self.log.error("file_not_reloaded", what=what, error=str(error))

    def broken(self, what: str, broken: bool) -> None:
        """Whether what is there now is refused."""
        self.meter.set(RELOAD_BROKEN, float(broken), what)


class Due:
    """Every ``LOOK_EVERY_S``, and at once after :meth:`now`, which is safe in a signal handler."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._at = clock.monotonic() + LOOK_EVERY_S
        self._asked = False

    def now(self) -> None:
        """Let the next :meth:`come` be true."""
        self._asked = True

    def come(self) -> bool:
        """Whether to look now; the wait begins anew if so."""
        if not self._asked and self._clock.monotonic() < self._at:
            return False
        self._asked = False
        self._at = self._clock.monotonic() + LOOK_EVERY_S
        return True


class FileKeeper:
    """GeoIP files and network lists. Owned by the consumer thread, as the enricher is.

    These are in use before the audit is written, since a look-up must not wait for Redis; a line that could
    not be written is tried again at the next look.
    """

    def __init__(self, enricher: Enricher, reloads: Reloads, clock: Clock) -> None:
        self.due = Due(clock)
        self._enricher = enricher
        self._reloads = reloads
        self._unaudited: list[tuple[str, str]] = []

    def refresh(self) -> None:
        """Look at the files when it is due."""
        if not self.due.come():
            return
        found = self._enricher.reload()
        for one in found:
            if one.error:
                self._reloads.refused(one.what, one.error)
            else:
                self._reloads.adopted(one.what, str(one.path))
                self._unaudited.append((one.what, f"{one.path} changed"))
        for what in ("geoip", "lists"):
            self._reloads.broken(what, any(one.error and one.what == what for one in found))
        self._write()

    def _write(self) -> None:
        try:
            while self._unaudited:
                self._reloads.audited(*self._unaudited[0])
                self._unaudited.pop(0)
        except Transient as error:
            self._reloads.log.warning("waiting", reason=error.reason.value, error=str(error))


class PolicyKeeper:
    """The policy in use. ``adopt`` is called with a changed one, in the thread that calls :meth:`refresh`.

    The audit comes first: where it cannot be written the old policy stays, and the next look tries again.
    """

    def __init__(
        self, path: Path | None, adopt: Callable[[Policy], None], reloads: Reloads, clock: Clock
    ) -> None:
        self.due = Due(clock)
        self._seen = stamp_of(path) if path else None
        self.policy = load_policy(path)
        self._path = path
        self._adopt = adopt
        self._reloads = reloads

    def refresh(self) -> None:
        """Look at the file when it is due."""
        if self._path is None or not self.due.come():
            return
        try:
            self._take_up(self._path)
        except (Fatal, Transient, UnicodeDecodeError) as error:
            self._reloads.refused("policy", error)
            self._reloads.broken("policy", True)
        else:
            self._reloads.broken("policy", False)

    def _take_up(self, path: Path) -> None:
        stamp = stamp_of(path)
        if stamp == self._seen:
            return
        policy = load_policy(path)
        if policy != self.policy:
            self._reloads.audited("policy", f"{path}: {_changes(self.policy, policy)}")
            self._adopt(policy)
            self.policy = policy
            self._reloads.adopted("policy", str(path))
        self._seen = stamp


def stamp_of(path: Path) -> Stamp:
    """What changes with a file.

    A ConfigMap's file is a link that is moved to another file, so the file's number counts too.
    """
    try:
        found = path.stat()
    except OSError as error:
        raise Fatal(Reason.CONFIG, f"alert.policy: cannot read {path}: {error.strerror}") from error
    return found.st_mtime_ns, found.st_size, found.st_ino


def _changes(old: Policy, new: Policy) -> str:
    """Which settings differ, with their values where these are short."""
    changed = []
    for name in Policy.__struct_fields__:
        before, after = getattr(old, name), getattr(new, name)
        if before != after:
            short = isinstance(after, str | int | float)
            changed.append(f"{name}: {before} -> {after}" if short else name)
    return "changed " + ", ".join(changed)
