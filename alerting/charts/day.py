"""The last 24 hours of a key beside what is usual, as a picture. Needs the extra ``charts``."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from typing import Final

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from domain.picture import HOUR_MS, KeyPicture

INCHES: Final = (7.0, 3.0)
DPI: Final = 110
BAND: Final = "#9ecae1"
USUAL: Final = "#3182bd"
SEEN: Final = "#cb181d"


def day_chart(picture: KeyPicture, key_id: str) -> bytes:
    """A PNG; about 60 ms. Bars are requests an hour, the band is where they usually are."""
    figure = Figure(figsize=INCHES, dpi=DPI, layout="constrained")
    axes = figure.add_subplot()
    hours = list(range(len(picture.expected)))
    axes.fill_between(hours, picture.low, picture.high, color=BAND, alpha=0.5, label="usual range")
    axes.plot(hours, picture.expected, color=USUAL, linewidth=1.5, label="usual")
    known = [(hour, value) for hour, value in enumerate(picture.actual) if value is not None]
    if known:
        at, values = zip(*known, strict=True)
        axes.bar(at, values, color=SEEN, width=0.6, label="seen")
    ticks = hours[::4]
    axes.set_xticks(ticks, [_clock(picture.first_hour_ms + hour * HOUR_MS) for hour in ticks])
    axes.set_xlabel("hour, UTC")
    axes.set_ylabel("requests an hour")
    axes.set_ylim(bottom=0)
    axes.set_title(_literal(f"{key_id[:40]}: last 24 hours"), fontsize=10)
    axes.legend(fontsize=8, loc="upper left")
    axes.spines[["top", "right"]].set_visible(False)
    return png(figure)


def day_words(picture: KeyPicture, key_id: str) -> str:
    """The chart for who cannot see it."""
    known = [value for value in picture.actual if value is not None]
    usual = sum(picture.expected) / max(len(picture.expected), 1)
    seen = f"the busiest known hour had {max(known):.0f}" if known else "no hour's own count is kept"
    return f"Requests an hour of key {key_id[:80]} in the last 24 hours: usually {usual:.0f}, {seen}."


def png(figure: Figure) -> bytes:
    """The figure's bytes, drawn without any display."""
    out = io.BytesIO()
    FigureCanvasAgg(figure)
    figure.savefig(out, format="png")
    return out.getvalue()


def _literal(text: str) -> str:
    """Text in which nothing is mathematics to matplotlib."""
    return "".join(c if c.isprintable() else " " for c in text).replace("\\", "/").replace("$", r"\$")


def _clock(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%H:00")
