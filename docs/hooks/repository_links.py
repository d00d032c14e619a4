"""Links of a page to files of the repository: the site does not hold these, so they become their path.

The pages stay plain Markdown that links to code, as people read them in the repository. A link to a file
that is not there fails the strict build, as a link to a missing page does.
"""

from __future__ import annotations

import logging
import re
from pathlib import Path
from typing import Any

LINK = re.compile(r"(?<!!)\[(?P<text>[^\]]+)\]\((?P<target>(?:\.\./)+[^)#\s]+)(?:#[^)\s]*)?\)")
ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
log = logging.getLogger("mkdocs.hooks.repository_links")


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """The text of a page without links that lead out of docs/."""
    folder = DOCS / Path(page.file.src_uri).parent
    return LINK.sub(lambda link: _as_text(link, folder, page.file.src_uri), markdown)


def _as_text(link: re.Match[str], folder: Path, page: str) -> str:
    target = (folder / link["target"]).resolve()
    if target.is_relative_to(DOCS):
        return link[0]
    if not target.exists():
        log.warning("%s links to %s, which is not there", page, link["target"])
    text, path = link["text"].strip("`/"), target.relative_to(ROOT).as_posix()
    return f"`{path}`" if path.endswith(text) else f"{text} (`{path}`)"
