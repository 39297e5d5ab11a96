"""Which exercises the course has, lesson by lesson, read from their modules as text: so that a list needs no torch."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path


@dataclass(frozen=True)
class Listed:
    """An exercise in a list. key: "lesson01.count_modes"; the others as an `Exercise` has them."""

    key: str
    title: str
    difficulty: str
    minutes: int

    def __str__(self) -> str:
        return f"{self.title} ({self.difficulty}, {self.minutes} minutes)"


@dataclass(frozen=True)
class ListedLesson:
    """A lesson that has exercises, in the order in which they are declared. about: "The minimax theory"."""

    about: str
    exercises: tuple[Listed, ...]


@cache
def catalogue() -> dict[str, ListedLesson]:
    """Number of a lesson ("01") -> its exercises, of all lessons that have some, in order."""
    return {path.stem[-2:]: _lesson(path) for path in sorted(Path(__file__).parents[1].glob("lesson[0-9][0-9].py"))}


@cache
def known() -> dict[str, Listed]:
    """Key -> exercise, of all lessons."""
    return {one.key: one for lesson in catalogue().values() for one in lesson.exercises}


def number_of(lesson: str | int) -> str:
    """ "12" of "12", 12 or "12_biggan", "02" of 2. Raises ValueError for a lesson that has no exercises."""
    found = re.fullmatch(r"(?:lesson)?(\d{1,2})(?:_\w*)?", str(lesson), re.ASCII)
    number = found[1].zfill(2) if found else ""
    if number not in catalogue():
        raise ValueError(f"lesson is {lesson!r}, expected one that has exercises: {', '.join(catalogue())}.")
    return number


def _lesson(path: Path) -> ListedLesson:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    about = re.match(r"Exercises of notebook \d\d, (.+?):", ast.get_docstring(tree) or "")
    text = about[1] if about else path.stem
    return ListedLesson(text[:1].upper() + text[1:], tuple(_exercises(tree, path.stem)))


def _exercises(tree: ast.Module, module: str) -> Iterator[Listed]:
    for node in tree.body:
        for made in node.decorator_list if isinstance(node, ast.FunctionDef) else ():
            if isinstance(made, ast.Call) and ast.unparse(made.func) == "exercise":
                said = {word.arg: word.value for word in made.keywords}
                title, difficulty, minutes = (ast.literal_eval(said[w]) for w in ("title", "difficulty", "minutes"))
                assert isinstance(node, ast.FunctionDef)
                yield Listed(f"{module}.{node.name}", title, difficulty, minutes)
