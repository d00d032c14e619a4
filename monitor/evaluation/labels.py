"""The truth about a corpus: ``labels.json`` beside its events, as ``sample_streams.corpus`` writes it."""

from __future__ import annotations

from pathlib import Path
from typing import Final, Literal

import msgspec

from domain.errors import Fatal, Reason

FILE: Final = "labels.json"


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """Something that happened to ``keys``. ``offsets``: record numbers of the malicious requests, rising;
    none in an honest change."""

    id: str
    kind: str
    verdict: Literal["attack", "benign"] = msgspec.field(name="class")
    strength: str
    keys: list[str]
    start_ms: int
    end_ms: int
    offsets: list[int]


class Labels(msgspec.Struct, frozen=True, kw_only=True):
    """``keys``: key id -> habit, every key of the corpus. Paths are relative to the labels' folder.

    ``stopped_keys``: key id -> the time (ms) from which it may not be used.
    """

    version: Literal[1]
    seed: int
    size: str
    events: str
    start_ms: int
    end_ms: int
    warm_up_days: float
    keys: dict[str, str]
    cases: list[Case]
    honey_keys: list[str] = []
    stopped_keys: dict[str, int] = {}
    geoip: list[str] = []
    lists: dict[str, str] = {}


def read_labels(folder: Path) -> Labels:
    """Read a corpus' labels. Raises ``Fatal`` saying what is wrong with them."""
    path = folder / FILE
    try:
        return msgspec.json.decode(path.read_bytes(), type=Labels)
    except OSError as error:
        raise Fatal(Reason.CONFIG, f"cannot read {path}: {error.strerror}") from error
    except msgspec.MsgspecError as error:
        raise Fatal(Reason.CONFIG, f"{path} is not a corpus' labels: {error}") from error


def corpora(folder: Path) -> list[Path]:
    """The corpora in a folder: itself, or the folders in it. Raises ``Fatal`` when there is none."""
    if (folder / FILE).exists():
        return [folder]
    found = sorted(path.parent for path in folder.glob(f"*/{FILE}"))
    if not found:
        raise Fatal(
            Reason.CONFIG,
            f"{folder} holds no {FILE}, nor does any folder in it: make a corpus with "
            f"`python -m sample_streams.corpus --seed 1 --size small --out {folder}`",
        )
    return found
