"""docs/reference/settings.md: every setting of the configuration file."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec

from alerting.delivery.routes import Route
from monitor.config import ENV_PREFIX, Config
from monitor.config_keystore import GoogleLoginConfig, HttpConfig
from monitor.reference.fields import HEAD, parts, rows
from monitor.reference.setting_words import SECTIONS, WORDS

INTRO: Final = f"""# Settings

One YAML file, `--config`, or `keywatch.yaml` where keywatch is started. Each setting can come from the
environment as `{ENV_PREFIX}SECTION__NAME`, such as `{ENV_PREFIX}KAFKA__BOOTSTRAP`, which wins over the
file. An unknown name is an error. Secrets are in files of their own, which settings that end in `_file`
name. `keywatch config check` reads all of it and prints what it understood, secrets masked.

This page is made from the code by `python -m monitor.reference`. What decides about alerts and suspensions
is in the [policy file](policy.md).
"""
HTTP: Final = "keystore.*.http"
"""All HTTP adapters share these."""


def page() -> str:
    """The whole page."""
    lines = [INTRO]
    for name, struct in parts(Config):
        lines += _section(name, struct, level=2)
    lines += ["", f"## {HTTP}", "", SECTIONS[HTTP], "", HEAD, *rows(HttpConfig, WORDS)]
    lines += ["", "## Route", "", SECTIONS["Route"], "", HEAD, *rows(Route, WORDS), ""]
    return "\n".join(lines)


def _section(place: str, struct: type[msgspec.Struct], level: int) -> Iterator[str]:
    yield from (f"{'#' * level} {place}", "", SECTIONS.get(place, ""), "")
    yield HEAD
    yield from rows(struct, WORDS)
    yield ""
    for name, part in parts(struct):
        if part is not HttpConfig:
            yield from _section(f"{place}.{name}", part, level + 1)


def described() -> set[type]:
    """The structs that the page shows, for the test that their words are of fields that exist."""
    found: set[type] = {HttpConfig, Route, GoogleLoginConfig}
    todo: list[type[msgspec.Struct]] = [Config]
    while todo:
        struct = todo.pop()
        found.add(struct)
        todo += [part for _, part in parts(struct)]
    return found
