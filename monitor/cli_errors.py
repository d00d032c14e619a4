"""Errors to exit codes: 1 refused, 2 wrong usage, 3 something does not answer, 4 configuration."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import typer

from domain.errors import KeywatchError, Reason, Refused, Rejected, Transient

EXIT_REFUSED: Final = 1
EXIT_USAGE: Final = 2
EXIT_UNREACHABLE: Final = 3
EXIT_CONFIG: Final = 4


@contextmanager
def exit_codes() -> Iterator[None]:
    """Say what is wrong in one line on standard error, and exit with its code."""
    try:
        yield
    except KeywatchError as error:
        typer.echo(f"keywatch: {error}", err=True)
        raise typer.Exit(exit_code(error)) from error


def exit_code(error: KeywatchError) -> int:
    """The code of an error's class."""
    if isinstance(error, Rejected):
        return EXIT_USAGE
    if isinstance(error, Refused):
        return EXIT_REFUSED
    if isinstance(error, Transient) or error.reason is Reason.UNREACHABLE:
        return EXIT_UNREACHABLE
    return EXIT_CONFIG
