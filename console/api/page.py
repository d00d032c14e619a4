"""The description as a file: ``python -m console.api.page`` writes docs/reference/openapi.json."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final, cast

from fastapi import FastAPI

from console.access.access import Access
from console.api import api_router
from console.api.description import description
from console.api.once import Once
from console.services import Services
from console.settings import ConsoleSettings
from domain.secret import Secret

PAGE: Final = Path("docs/reference/openapi.json")


class _Nobody:
    """Stands for what is not asked while operations are only described."""

    def __getattr__(self, _: str) -> None:
        return None


def page() -> str:
    """The file's text."""
    nobody: Any = _Nobody()
    access = Access(ConsoleSettings(session_secret=Secret("")), nobody, nobody, nobody, nobody)
    app = FastAPI()
    app.include_router(api_router(cast(Services, nobody), access, Once(nobody)))
    return json.dumps(description(app), indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page())
