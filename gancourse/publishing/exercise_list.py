"""The exercises that notebooks hold, read from the lines that announce them: title, difficulty, minutes, section."""

from __future__ import annotations

import re
from dataclasses import dataclass

from gancourse.publishing import notebooks

DIFFICULTIES = ("easy", "medium", "hard")
_LINE = re.compile(r"\*\*Exercise: (.+?)\*\* \((\w+), (\d+) minutes?\)\. *(.*)", re.DOTALL)
_SECTION = re.compile(r"^##+ +(.+)$", re.MULTILINE)


@dataclass(frozen=True)
class Listed:
    """An exercise of a notebook. section: the heading that it stands under; asks: what it asks; both in Markdown."""

    title: str
    difficulty: str
    minutes: int
    section: str
    asks: str


def listed(notebook: notebooks.Notebook | None) -> list[Listed]:
    """The exercises of a notebook in their order: of each Markdown cell with **Exercise: TITLE** (easy, 3 minutes).

    Raises ValueError for a difficulty that is none of DIFFICULTIES.
    """
    found, section = [], ""
    for cell in notebook.cells if notebook is not None else []:
        if cell.cell_type != "markdown":
            continue
        line = _LINE.search(cell.source)
        before = cell.source[: line.start()] if line else cell.source
        section = [section, *_SECTION.findall(before)][-1]
        if line is None:
            continue
        title, difficulty, minutes, asks = line.groups()
        if difficulty not in DIFFICULTIES:
            raise ValueError(
                f"the exercise {title!r} is called {difficulty!r}, expected one of {', '.join(DIFFICULTIES)}."
            )
        found.append(Listed(title, difficulty, int(minutes), section, asks.strip()))
        section = [section, *_SECTION.findall(asks)][-1]
    return found
