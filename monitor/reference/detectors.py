"""docs/reference/detectors.md: every detector, from its own docstring and the words beside this file."""

from __future__ import annotations

import sys
from inspect import getdoc
from typing import Final

from detectors.base import SightDetector, SurgeDetector, WindowDetector
from detectors.catalog import DETECTORS, sight_detectors, surge_detectors, window_detectors
from domain.finding import Kind
from monitor.reference.detector_words import PROOFS, WORDS

INTRO: Final = """# Detectors

A detector answers *bits*, how surprising something is for this key, or *not ready*. What bits become is
[here](../detection.md); how often each attack is found and each honest change alarms is measured in the
[evaluation](../evaluation.md). Names are kept once released: policies, silences and metrics use them.

*Honest causes* are what to look for before believing it. Two kinds of evidence are needed to suspend a key,
so one honest cause rarely does.

This page is made from the code by `python -m monitor.reference`.

| detector | kind | looks at | says |
|---|---|---|---|
"""
Detector = SightDetector | WindowDetector | SurgeDetector


def page() -> str:
    """The whole page."""
    found = {detector.name: detector for detector in _all()}
    rows = "\n".join(_row(name, found.get(name)) for name in DETECTORS)
    return INTRO + rows + "\n" + "".join(_section(name, found.get(name)) for name in DETECTORS)


def _all() -> tuple[Detector, ...]:
    return (*sight_detectors(), *window_detectors(), *surge_detectors())


def _row(name: str, detector: Detector | None) -> str:
    kind = detector.kind if detector else Kind.CERTAIN
    return f"| [`{name}`](#{name}) | `{kind.value}` | {_looks_at(detector)} | {_doc(name, detector)[0]} |"


def _looks_at(detector: Detector | None) -> str:
    if detector is None:
        return "each request"
    if hasattr(detector, "measure"):
        return "open windows, as they grow"
    grows = getattr(detector, "grows", None)
    if grows is None:
        return "first sight of a network"
    return "open and closed windows" if grows else "closed windows"


def _doc(name: str, detector: Detector | None) -> tuple[str, str]:
    """First sentence and the rest of what its module says of itself."""
    if detector is None:
        return PROOFS[name], ""
    first, _, rest = (getdoc(sys.modules[type(detector).__module__]) or "").partition("\n\n")
    return " ".join(first.split()), rest


def _section(name: str, detector: Detector | None) -> str:
    says, rest = _doc(name, detector)
    ready, honest = WORDS[name]
    source = f"detectors/catalog/{name}.py" if detector else "monitor/outside.py"
    lines = ["", f"## {name}", "", says, "", *([rest, ""] if rest else [])]
    lines += [f"- **Ready**: {ready}", f"- **Honest causes**: {honest}", f"- **Code**: `{source}`", ""]
    return "\n".join(lines)
