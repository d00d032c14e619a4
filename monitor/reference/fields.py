"""The fields of a settings struct as rows of a table: name, type, default, meaning."""

from __future__ import annotations

import types
from collections.abc import Iterator, Mapping
from enum import Enum
from typing import Any, Final, Literal, Union, get_args, get_origin, get_type_hints

import msgspec

Words = Mapping[type, Mapping[str, str]]
"""Struct -> field -> what it means. A field that a struct inherits is described at its parent."""
HEAD: Final = "| setting | type | default | meaning |\n|---|---|---|---|"
_SIMPLE: Final = {str: "text", int: "whole number", float: "number", bool: "true or false"}


def rows(struct: type[msgspec.Struct], words: Words) -> Iterator[str]:
    """A row for each field; fields that are settings themselves are for :func:`parts`."""
    hints = get_type_hints(struct)
    for field in own_fields(struct):
        meaning = meaning_of(struct, field.name, words)
        yield f"| `{field.name}` | {type_name(hints[field.name])} | {default(field)} | {meaning} |"


def own_fields(struct: type[msgspec.Struct]) -> Iterator[msgspec.structs.FieldInfo]:
    """Those that are not sections themselves."""
    hints = get_type_hints(struct)
    return (field for field in msgspec.structs.fields(struct) if not part_of(hints[field.name]))


def parts(struct: type[msgspec.Struct]) -> Iterator[tuple[str, type[msgspec.Struct]]]:
    """The fields that are structs themselves, with their struct."""
    hints = get_type_hints(struct)
    for field in msgspec.structs.fields(struct):
        part = part_of(hints[field.name])
        if part:
            yield field.name, part


def part_of(hint: Any) -> type[msgspec.Struct] | None:
    """The struct of a field, also of one that may be None; not that of the items of a list."""
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        return hint
    if get_origin(hint) in (types.UnionType, Union):
        return next((found for found in map(part_of, get_args(hint)) if found), None)
    return None


def meaning_of(struct: type, name: str, words: Words) -> str:
    """What a field means, "" where nobody said it."""
    found = (words[base][name] for base in struct.__mro__ if name in words.get(base, {}))
    return next(found, "")


def type_name(hint: Any) -> str:
    """A type as people say it.

    >>> type_name(list[str])
    'list of text'
    >>> type_name(Literal["off", "on"])
    '`off`, `on`'
    """
    origin, args = get_origin(hint), get_args(hint)
    if origin is Literal:
        return ", ".join(f"`{value}`" for value in args)
    if origin in (list, tuple):
        return f"list of {type_name(args[0])}"
    if origin is dict:
        return f"{type_name(args[0])} to {type_name(args[1])}"
    if isinstance(hint, type) and issubclass(hint, Enum):
        return ", ".join(f"`{member.value}`" for member in hint)
    return _SIMPLE.get(hint, "entries, see below")


def default(field: msgspec.structs.FieldInfo) -> str:
    """The default as YAML would have it; **required** where there is none."""
    if field.default is not msgspec.NODEFAULT:
        value = field.default
    elif field.default_factory is not msgspec.NODEFAULT:
        value = field.default_factory()
    else:
        return "**required**"
    return f"`{msgspec.json.encode(value).decode()}`" if value != "" else "empty"
