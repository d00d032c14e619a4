"""What Redis says when our user may not run a command; inside a script it tells only the line."""

from __future__ import annotations

import re
from typing import Final

_PLAIN: Final = re.compile(r"run the '([^']+)' command")
_SCRIPT: Final = re.compile(
    r"user executing the script can't run this command.*?(?:@user_script:(\d+))?\.?$", re.S
)
_CALL: Final = re.compile(r"redis\.p?call\(\s*['\"](\w+)")


def lacking(said: str, script: str = "") -> str | None:
    """The command that ``said`` says our user lacks, "" when it is one of a script that nobody knows, None
    when it says something else.

    >>> lacking("this user has no permissions to run the 'xadd' command")
    'xadd'
    >>> told = "The user executing the script can't run this command or subcommand on @user_script:2."
    >>> lacking(told, "local a = 1\\nredis.call('HSET', KEYS[1])"), lacking(told), lacking("ERR syntax error")
    ('hset', '', None)
    """
    if plain := _PLAIN.search(said):
        return plain[1]
    found = _SCRIPT.search(said)
    if found is None:
        return None
    lines = script.splitlines()
    line = int(found[1] or 0)
    call = _CALL.search(lines[line - 1]) if 0 < line <= len(lines) else None
    return call[1].lower() if call else ""


def lacking_words(said: str, script: str = "") -> str | None:
    """For an operator: which right to give; None when it says something else."""
    command = lacking(said, script)
    if command is None:
        return None
    which = f"run {command.upper()}" if command else "run a command of a script"
    return f"our Redis user may not {which}: give it the rights of docs/secured.md"
