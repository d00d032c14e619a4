"""What every store of ours does alike, over the few primitives of its database."""

from __future__ import annotations

from keystore.issuing import Issuing
from keystore.lifecycle import Lifecycle
from keystore.verifying import Verifying


class BaseKeyStore(Issuing, Lifecycle, Verifying):
    """The key store port, and issuing, verifying, listing and people's own acts.

    Every act may be repeated after a lost reply and answers the same. Without ``peppers``, keys can be
    imported and suspended but not issued or verified (``Fatal(CONFIG)``).
    """
