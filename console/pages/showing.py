"""Text and numbers as pages show them. What came from outside is escaped, and what hides in it is shown."""

from __future__ import annotations

import unicodedata
from datetime import UTC, datetime
from typing import Final

from markupsafe import Markup, escape

SHOWN_MAX: Final = 300
"""Characters of one value: key ids have at most 256, user agents and paths may be longer."""
PROSE_MAX: Final = 8_000
_UNSEEN: Final = frozenset({"Cc", "Cf", "Co", "Cn", "Cs", "Zl", "Zp"})
_MINUTE: Final = 60
_HOUR: Final = 3_600
_DAY: Final = 86_400


def visible(text: str, most: int = SHOWN_MAX) -> Markup:
    """Text in which nothing is unseen: control, bidirectional and other invisible characters, and spaces
    that are not a space, show as their code points.

    >>> str(visible("a\\u202eb<i>"))
    'a<span class="code-point">U+202E</span>b&lt;i&gt;'
    """
    shown = Markup("").join(_visible(character) for character in text[:most])
    more = len(text) - most
    return shown + Markup(' <span class="cut">and {} more</span>').format(more) if more > 0 else shown


def prose(text: str) -> Markup:
    """What people wrote: as :func:`visible`, whole and with its lines."""
    return Markup("\n").join(visible(line, PROSE_MAX) for line in text.splitlines())


def _visible(character: str) -> Markup:
    if _hides(character):
        return Markup('<span class="code-point">U+{:04X}</span>').format(ord(character))
    return escape(character)


def _hides(character: str) -> bool:
    category = unicodedata.category(character)
    return category in _UNSEEN or (category == "Zs" and character != " ")


def plain(text: str) -> str:
    """As :func:`visible`, for places without markup such as a page's title.

    >>> plain("a\\u202eb")
    'a(U+202E)b'
    """
    return "".join(f"(U+{ord(c):04X})" if _hides(c) else c for c in text[:SHOWN_MAX])


def quoted(text: str) -> Markup:
    """Something that whoever holds the key may have chosen: set apart, never mixed with ours."""
    if not text:
        return Markup('<span class="none">none</span>')
    return Markup('<bdi class="theirs">{}</bdi>').format(visible(text))


def moment(ms: int | None, now_ms: int) -> Markup:
    """A time in UTC, and how far from now."""
    if ms is None:
        return Markup('<span class="none">never</span>')
    when, now = datetime.fromtimestamp(ms / 1000, UTC), datetime.fromtimestamp(now_ms / 1000, UTC)
    words = "%d %b %H:%M:%S" if when.year == now.year else "%d %b %Y %H:%M"
    return Markup('<time datetime="{}">{}</time> <span class="ago">{}</span>').format(
        when.strftime("%Y-%m-%dT%H:%M:%SZ"), when.strftime(words), relative(ms, now_ms)
    )


def ago(ms: int, now_ms: int) -> Markup:
    """How far from now, with the time in UTC behind it."""
    when = datetime.fromtimestamp(ms / 1000, UTC)
    return Markup('<time datetime="{}" title="{} UTC">{}</time>').format(
        when.strftime("%Y-%m-%dT%H:%M:%SZ"), when.strftime("%Y-%m-%d %H:%M:%S"), relative(ms, now_ms)
    )


def relative(ms: int, now_ms: int) -> str:
    """
    >>> relative(0, 90_000), relative(7_200_000, 0), relative(0, 300)
    ('1 min ago', 'in 2 h', 'now')
    """
    distance = abs(now_ms - ms) / 1000
    if distance < 1:
        return "now"
    words = span(distance)
    return f"{words} ago" if ms < now_ms else f"in {words}"


def span(seconds: float) -> str:
    """A duration in its largest unit; hours and days with what is left.

    >>> span(45), span(5_400), span(190_000)
    ('45 s', '1 h 30 min', '2 d 4 h')
    """
    whole = int(seconds)
    if whole < _MINUTE:
        return f"{whole} s"
    if whole < _HOUR:
        return f"{whole // _MINUTE} min"
    if whole < _DAY:
        return _two(whole // _HOUR, "h", whole % _HOUR // _MINUTE, "min")
    return _two(whole // _DAY, "d", whole % _DAY // _HOUR, "h")


def _two(large: int, large_unit: str, small: int, small_unit: str) -> str:
    return f"{large} {large_unit} {small} {small_unit}" if small else f"{large} {large_unit}"


def number(value: float) -> str:
    """With thin groups of three; small ones with one digit behind the point.

    >>> number(1234567), number(0.25), number(12.0)
    ('1,234,567', '0.2', '12')
    """
    return f"{value:,.0f}" if value >= 10 or value == int(value) else f"{value:.1f}"


def percent(share: float) -> str:
    """
    >>> percent(0.256), percent(0.004), percent(20)
    ('26 %', '<1 %', '>999 %')
    """
    if share >= 10:
        return ">999 %"
    return "<1 %" if 0 < share < 0.01 else f"{share * 100:.0f} %"


def counted(count: float, noun: str) -> str:
    """
    >>> counted(1, "alert"), counted(2_000, "alert")
    ('1 alert', '2,000 alerts')
    """
    return f"{number(count)} {noun}{'' if count == 1 else 's'}"


def hour(ms: int) -> str:
    """The hour a time falls in, UTC."""
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%H:%M")
