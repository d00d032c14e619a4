"""The report as one HTML file: no script, nothing loaded from elsewhere, every value escaped."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from keystore.audit.figures import at, figures
from keystore.audit.report import AuditReport

_TEMPLATES: Final = Environment(
    loader=FileSystemLoader(Path(__file__).parent),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def html_page(report: AuditReport) -> str:
    """A page that stands alone: it can be sent by mail or kept as evidence."""
    return _TEMPLATES.get_template("page.html.j2").render(
        report=report, figures=figures(report)[1:], at=at(report)
    )
