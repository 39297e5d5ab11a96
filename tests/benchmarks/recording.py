"""Where the benchmarks keep what they measured: figures in bench.json, tables between marks of notebooks/SPEED.md."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from gancourse.publishing.readme import between

PAGE = Path("notebooks/SPEED.md")
RESULTS = Path("gancourse/assets/results/bench.json")


def record(on_page: Callable[[str], str], **figures: Any) -> None:
    """Put figures into bench.json, in place of those of the same names, and make the page anew."""
    known = json.loads(RESULTS.read_text(encoding="utf-8"))
    RESULTS.write_text(json.dumps(known | figures, indent=2) + "\n", encoding="utf-8")
    PAGE.write_text(on_page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")


def with_table(page: str, marks: tuple[str, str], caption: str, columns: dict[str, str], rows: list[list[str]]) -> str:
    """The page with a table between two marks made anew. columns: heading -> what aligns it, "---" or "---:"."""
    lines = ["| " + " | ".join(row) + " |" for row in ([*columns], [*columns.values()], *rows)]
    return between(page, *marks, "\n".join([caption, "", *lines]))
