"""A type for secrets, so that no repr, log line or error can print one."""

from __future__ import annotations

from typing import Final

MASK: Final = "********"


class Secret:
    """Holds a secret string; only :meth:`reveal` gives it out.

    >>> print(Secret("hunter2"), [Secret("hunter2")])
    ******** [Secret('********')]
    """

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The secret itself: call it only in the statement that sends it."""
        return self._value

    def __bool__(self) -> bool:
        return bool(self._value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)

    def __str__(self) -> str:
        return MASK

    def __repr__(self) -> str:
        return f"Secret({MASK!r})"

    def __reduce__(self) -> tuple[object, ...]:
        raise TypeError("a Secret is not pickled")
