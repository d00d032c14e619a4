"""Text in Slack that nobody can command it with, and messages within its limits.

Only ``& < >`` carry meaning in mrkdwn; text that an attacker can choose stands in code spans with
backticks taken out, so that no mention, link or formatting gets through. Limits: 50 blocks, 3,000
characters a section, and about 13,200 characters of blocks in all before ``msg_blocks_too_long``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any, Final

from slack_sdk.models.blocks import MarkdownTextObject

SECTION_CHARS: Final = 2_900
FIELD_CHARS: Final = 300
BLOCKS_MAX: Final = 50
BLOCKS_CHARS: Final = 12_000
Block = dict[str, Any]
_EDGE: Final = re.compile(r"(?<![0-9A-Za-z])_|_(?![0-9A-Za-z])")
"""An underscore inside a word formats nothing."""


def escaped(text: str) -> str:
    """Slack's own rule: only these three characters carry meaning in text."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def code(text: str, chars: int = FIELD_CHARS) -> str:
    """Text in a code span that nothing in it can leave; at most ``chars`` as sent."""
    return f"`{_shortened(text, '`', chars) or '-'}`"


def plain(text: str, chars: int = FIELD_CHARS) -> str:
    """A person's words: escaped, on one line, and without what would format or mention.

    >>> plain("_no_ *bold* case_1 <!here>")
    ' no   bold  case_1 &lt;!here&gt;'
    """
    return _shortened(_EDGE.sub(" ", text), "*~`", chars)


def _shortened(text: str, without: str, chars: int) -> str:
    """Escaped, with an ellipsis where it was cut; no entity is cut in two."""
    out, used = [], 0
    for c in text[:chars]:
        sent = escaped(c) if c.isprintable() and c not in without else " "
        used += len(sent)
        if used > chars:
            break
        out.append(sent)
    return "".join(out) + ("…" if len(out) < len(text) else "")


def markdown(text: str) -> MarkdownTextObject:
    """Text of ours around escaped text of others; ``verbatim`` keeps Slack from finding links in it."""
    return MarkdownTextObject(text=text, verbatim=True)


def section(text: str) -> Block:
    """A section, cut to its limit at a line's end."""
    return {"type": "section", "text": markdown(cut(text)).to_dict()}


def context(text: str) -> Block:
    """Small print."""
    return {"type": "context", "elements": [markdown(cut(text)).to_dict()]}


def cut(text: str, chars: int = SECTION_CHARS) -> str:
    """At most so many characters, whole lines where possible, so that no code span is left open."""
    if len(text) <= chars:
        return text
    lines = text[: chars - 1].split("\n")
    return "\n".join(lines[:-1] or lines) + "…"


def sections(lines: Sequence[str]) -> list[Block]:
    """Lines packed into as few sections as they fit in."""
    out: list[list[str]] = [[]]
    for line in lines:
        line = cut(line)
        if sum(len(known) + 1 for known in out[-1]) + len(line) > SECTION_CHARS:
            out.append([])
        out[-1].append(line)
    return [section("\n".join(part)) for part in out if part]


def size(blocks: Sequence[Block]) -> int:
    """Characters of blocks as they are sent."""
    return len(json.dumps(blocks, ensure_ascii=False))


def fitted(head: Sequence[Block], body: Sequence[Block], tail: Sequence[Block]) -> tuple[list[Block], int]:
    """Head, as much of ``body`` as fits, and tail; and how many blocks of the body did not."""
    left = len(body)
    while left and (
        size([*head, *body[:left], *tail]) > BLOCKS_CHARS or len(head) + left + len(tail) > BLOCKS_MAX
    ):
        left -= 1
    return [*head, *body[:left], *tail], len(body) - left
