"""What the tests of key stores share: a time, a grant, and asking."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import pytest

from domain.errors import KeywatchError, Reason
from domain.secret import Secret
from keystore.base import BaseKeyStore
from keystore.hashing import Peppers
from keystore.request import Request
from keystore.results import NotAccepted, Verified


class MakeStore(Protocol):
    """Makes stores that share no key."""

    def __call__(self, peppers: Peppers | None, imported: bool = False) -> BaseKeyStore:
        """One store."""


NOW_S = 1_767_225_600
NOW_MS = NOW_S * 1000
ITEMS = ("GET,HEAD:/v1/items/**", "POST:/v1/items")
READ = Request("GET", "/v1/items/42", "198.18.3.7")


def refused(act: Callable[[], object]) -> Reason:
    """Why the act failed, as it must."""
    with pytest.raises(KeywatchError) as caught:
        act()
    return caught.value.reason


def verified(store: BaseKeyStore, secret: Secret, request: Request = READ) -> Verified:
    """The request is let in."""
    answer = store.verify(secret, request)
    assert isinstance(answer, Verified), answer
    return answer


def turned_away(store: BaseKeyStore, secret: Secret, request: Request = READ) -> NotAccepted:
    """The request is not let in."""
    answer = store.verify(secret, request)
    assert isinstance(answer, NotAccepted), answer
    return answer
