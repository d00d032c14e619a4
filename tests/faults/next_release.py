"""The release after this one: the same but for a new field in every profile, and so a schema more.

``python -m tests.faults.next_release ASK`` is a worker as ``tests.faults.worker``, with a command of
``keywatch`` instead of ASK it is that.
"""

from __future__ import annotations

import sys

import numpy as np

from domain import profile


def become() -> None:
    """Before anything else of ours is imported."""
    if "monitor.baseline.migrate" in sys.modules:
        raise RuntimeError("too late: somebody knows the schema of this release already")
    profile.SCHEMA_VERSION += 1  # type: ignore[misc]
    profile.PROFILE_DTYPE = np.dtype([*profile.PROFILE_DTYPE.descr, ("of_the_next", "<f4")])  # type: ignore[misc]
    from monitor.baseline import migrate

    step = migrate.Step(profile.SCHEMA_VERSION, frozenset({"of_the_next"}))
    migrate.STEPS = (*migrate.STEPS, step)  # type: ignore[misc]


if __name__ == "__main__":
    become()
    if sys.argv[1].startswith("{"):
        from tests.faults.worker import main

        main()
    else:
        from monitor.cli import app

        app(sys.argv[1:])
