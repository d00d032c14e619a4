"""The key store of the settings: for the daemon, and for the gate in other people's processes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from keystore.hashing import Peppers
from keystore.redis_store import RedisKeyStore
from keystore.rules import StoreRules
from monitor.config import Config
from monitor.wiring_clock import CLOCK


def key_store(config: Config, client: Any) -> RedisKeyStore:
    """The reference store; without peppers it cannot issue or verify, only suspend and reinstate."""
    pepper_file = config.keystore.pepper_file
    peppers = Peppers.from_file(Path(pepper_file)) if pepper_file else None
    rules = StoreRules(config.keystore.prefixes, config.keystore.imported_secrets)
    return RedisKeyStore(client, CLOCK, peppers, rules=rules)
