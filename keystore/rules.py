"""What one installation's store makes and takes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from domain.errors import Fatal, Reason, Rejected
from keystore.token import check_prefix

PREFIXES: Final = ("sk_live", "sk_test", "pk_live", "pk_test")
"""Secret and publishable keys, for real and for trying."""


@dataclass(frozen=True, slots=True)
class StoreRules:
    """``prefixes`` (type_env) that keys may be issued with. ``imported``: whether to look for text that
    keywatch did not make, too; without it such text costs nothing to refuse.

    Raises ``Fatal(CONFIG)`` for a prefix that cannot be.
    """

    prefixes: tuple[str, ...] = PREFIXES
    imported: bool = False

    def __post_init__(self) -> None:
        try:
            for prefix in self.prefixes:
                check_prefix(prefix)
        except Rejected as error:
            raise Fatal(Reason.CONFIG, f"keystore.prefixes: {error}") from error

    def check_prefix(self, prefix: str) -> None:
        """Raises ``Rejected(WRONG_TYPE)`` for a prefix that is not ours."""
        check_prefix(prefix)
        if prefix not in self.prefixes:
            raise Rejected(
                Reason.WRONG_TYPE,
                f"key prefix {prefix}: this store issues {', '.join(self.prefixes)}; see keystore.prefixes",
            )
