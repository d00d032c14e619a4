"""What every store of ours does alike, over the few primitives of its database."""

from __future__ import annotations

from keystore.lifecycle import Lifecycle
from keystore.noticing import Noticing
from keystore.rotating import Rotating
from keystore.verifying import Verifying


class BaseKeyStore(Rotating, Verifying, Lifecycle, Noticing):
    """The key store port, and issuing, rotating, verifying, listing and people's own acts.

    Every act may be repeated after a lost reply and answers the same. Without ``peppers``, keys can be
    imported and suspended but not issued or verified (``Fatal(CONFIG)``).
    """
