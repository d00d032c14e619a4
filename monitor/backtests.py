"""Backtests that a person starts and any replica answers for; each runs in a thread of its process."""

from __future__ import annotations

import re
import secrets
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

import msgspec

from alerting.policy import Policy
from domain.clock import Clock
from domain.errors import KeywatchError, Reason, Refused, Rejected
from domain.overview import Backtest, BacktestState
from domain.redis_errors import redis_errors
from monitor.backtest import Comparison, PolicyOutcome, compare, simulate
from monitor.logs import Log
from monitor.period import Period
from monitor.policy_desk import checked_policy
from monitor.recording import Recording

KEPT_MS: Final = 7 * 86_400_000
ALIVE_MS: Final = 600_000
"""A backtest of which nothing was heard for so long has died with its process."""
BEAT_S: Final = 10.0
STOP_S: Final = 20.0
_ID: Final = re.compile(r"bt_[0-9a-f]{16}")
_encode: Final = msgspec.json.Encoder().encode
_decode: Final = msgspec.json.Decoder(Backtest).decode


class _StoppedError(Exception):
    """The process is to end."""


class RedisBacktests:
    """A :class:`domain.overview.Backtests`. ``recorded`` is what to replay of a period, ``policy`` the one
    in use. Two runs, as the alert budget also decides what is found; each reads the period from its start.
    """

    def __init__(
        self,
        client: Any,
        recorded: Callable[[Period], Recording],
        policy: Callable[[], Policy],
        clock: Clock,
        log: Log,
    ) -> None:
        self._redis = client
        self._recorded = recorded
        self._policy = policy
        self._clock = clock
        self._log = log
        self._stopping = threading.Event()
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None

    def start(self, text: str, from_ms: int, to_ms: int, who: str) -> Backtest:
        new = checked_policy(text)
        if not 0 <= from_ms < to_ms:
            raise Rejected(Reason.BAD_TIMESTAMP, "the period must begin before it ends")
        with self._starting:
            if self._stopping.is_set() or (self._thread and self._thread.is_alive()):
                raise Refused(Reason.CONFLICT, "another backtest runs: wait for it to end")
            begun = Backtest(f"bt_{secrets.token_hex(8)}", BacktestState.RUNNING, who, self._now_ms())
            self._beat(begun.id)
            self._write(begun)
            period = Period(from_ms, to_ms)
            self._thread = threading.Thread(
                target=self._run, args=(begun, period, new), name="backtest", daemon=True
            )
            self._thread.start()
        return begun

    @redis_errors("backtests")
    def get(self, backtest_id: str) -> Backtest:
        if not _ID.fullmatch(backtest_id):
            raise _unknown(backtest_id)
        raw, alive = self._redis.mget(_key(backtest_id, "state"), _key(backtest_id, "alive"))
        if raw is None:
            raise _unknown(backtest_id)
        found = _decode(raw)
        if found.state is BacktestState.RUNNING and alive is None:
            return replace(found, state=BacktestState.FAILED, error="the process that ran it has ended")
        return found

    def stop(self) -> None:
        """Let the running one end as failed; blocks for up to ``STOP_S``."""
        self._stopping.set()
        with self._starting:
            thread = self._thread
        if thread:
            thread.join(timeout=STOP_S)

    # -- in the thread -------------------------------------------------------------------------------

    def _run(self, begun: Backtest, period: Period, new: Policy) -> None:
        try:
            report = msgspec.to_builtins(self._compared(begun.id, period, new))
            ended = replace(begun, state=BacktestState.DONE, report=report)
        except _StoppedError:
            ended = replace(begun, state=BacktestState.FAILED, error="keywatch was stopped: start it again")
        except KeywatchError as error:
            ended = replace(begun, state=BacktestState.FAILED, error=str(error))
        except Exception as error:  # its maker asks for it by its id, and must hear of this too
            text = f"{type(error).__name__}: {error}"
            ended = replace(begun, state=BacktestState.FAILED, error=text)
        try:
            self._write(replace(ended, ended_ms=self._now_ms()))
        except KeywatchError as error:
            self._log.warning("waiting", reason=error.reason.value, error=str(error))

    def _compared(self, backtest_id: str, period: Period, new: Policy) -> Comparison:
        found = self._recorded(period)
        before = self._outcome(backtest_id, found, self._policy(), "the policy in use")
        after = self._outcome(backtest_id, found, new, "the new policy")
        return compare(before, after, period.from_ms, period.to_ms)

    def _outcome(self, backtest_id: str, found: Recording, policy: Policy, name: str) -> PolicyOutcome:
        player = found.replay(policy)
        findings, beat_at = [], self._clock.monotonic()
        try:
            for few in player.run():
                findings += [outcome.finding for outcome in few]
                if self._stopping.is_set():
                    raise _StoppedError
                if self._clock.monotonic() - beat_at > BEAT_S:
                    beat_at = self._clock.monotonic()
                    self._beat(backtest_id)
        finally:
            player.source.close()
        return simulate(policy, name, findings, player.first_seen(), player.stats.events)

    @redis_errors("backtests")
    def _beat(self, backtest_id: str) -> None:
        self._redis.set(_key(backtest_id, "alive"), 1, px=ALIVE_MS)

    @redis_errors("backtests")
    def _write(self, backtest: Backtest) -> None:
        self._redis.set(_key(backtest.id, "state"), _encode(backtest), px=KEPT_MS)

    def _now_ms(self) -> int:
        return int(self._clock.now() * 1000)


def _key(backtest_id: str, part: str) -> str:
    return f"kw:{{{backtest_id}}}:{part}"


def _unknown(backtest_id: str) -> Refused:
    return Refused(Reason.NOT_FOUND, f"there is no backtest {backtest_id}; they are kept for a week")
