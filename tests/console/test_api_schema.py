"""The description of the API: fresh, complete, and true of the real app under generated requests."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.redis
