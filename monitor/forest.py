"""Training the IsolationForest and handing a new one to the consumer without a restart.

A version is its training sample and seed, not a pickled object: whoever can write to Redis can then
at worst spoil a model, never run code. Every replica fits the same forest from the same bytes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from detectors.catalog.isolation_forest import IsolationForestDetector
from detectors.forest import Forest, ForestModel, fit
from domain.clock import Clock
from domain.errors import Fatal, Reason
from domain.profile import FEATURES
from monitor.detect import Detection
from monitor.metrics import RELOADS
from monitor.reload import Reloads

MAX_SAMPLES = 16_384


def sample_matrix(rows: Sequence[bytes]) -> npt.NDArray[np.float32]:
    """Stored feature rows as (n, FEATURES); rows of another length are of another version and skipped."""
    good = [row for row in rows if len(row) == 4 * FEATURES][:MAX_SAMPLES]
    return np.frombuffer(b"".join(good), np.float32).reshape(-1, FEATURES)


def train(rows: Sequence[bytes], seed: int) -> ForestModel:
    """A model from feature rows; the same rows give the same version."""
    sample = sample_matrix(rows)
    digest = hashlib.blake2b(sample.tobytes() + str(seed).encode(), digest_size=8).hexdigest()
    return ForestModel(version=digest, sample=sample, seed=seed)


def with_forest(detection: Detection, forest: Forest) -> Detection:
    """The same detection with another forest."""
    changed = Detection.__new__(Detection)
    changed.__dict__.update(detection.__dict__)
    changed.window_detectors = tuple(
        d.with_forest(forest) if isinstance(d, IsolationForestDetector) else d
        for d in detection.window_detectors
    )
    return changed


class ForestKeeper:
    """Publishes models in Redis and adopts what others published."""

    def __init__(
        self, client: Any, topic: str, reloads: Reloads, adopt: Callable[[Forest], None], clock: Clock
    ) -> None:
        self._redis = client
        self._reloads = reloads
        self._clock = clock
        self._key = f"kw:forest:{topic}"
        self._when_key = f"kw:forest-trained:{topic}"
        self._log = reloads.log
        self._adopt = adopt
        self.version = ""
        self.trained_s = 0.0
        """When the newest forest was trained, epoch seconds; 0 before the first."""

    def publish(self, model: ForestModel) -> None:
        """Make ``model`` the one that every replica uses. Audited first; raises ``Transient``."""
        self._reloads.audited("forest", f"version {model.version} from {len(model.sample)} windows")
        self._redis.set(self._key, model.to_bytes())
        self._redis.set(self._when_key, f"{self._clock.now():.3f}")
        self._log.info("forest_trained", version=model.version, samples=len(model.sample))

    def refresh(self) -> bool:
        """Adopt the published model if it is another one. A broken one is refused and the old one kept."""
        self.trained_s = float(self._redis.get(self._when_key) or 0.0)
        raw: bytes | None = self._redis.get(self._key)
        if raw is None:
            return False
        try:
            model = ForestModel.from_bytes(raw)
        except ValueError as error:
            self._reloads.broken("forest", True)
            raise Fatal(Reason.CORRUPT, f"{self._key} holds no forest: {error}; delete it") from error
        self._reloads.broken("forest", False)
        if model.version == self.version:
            return False
        self._adopt(fit(model))
        self.version = model.version
        self._reloads.meter.add(RELOADS, 1, "forest", "adopted")
        self._log.info("forest_adopted", version=model.version)
        return True
