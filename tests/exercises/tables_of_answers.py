"""Which modules of exercises there are, each with its tested answers: one of each for a lesson that has exercises."""

import pkgutil
import re
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType

from gancourse import exercises


def modules() -> list[tuple[ModuleType, ModuleType]]:
    """(exercises, answers) of every module of exercises, whether its lesson has a row of LESSONS yet or not."""
    names = sorted(module.name for module in pkgutil.iter_modules(exercises.__path__))
    lessons = [name for name in names if re.fullmatch(r"lesson\d\d", name)]
    return [(import_module(f"gancourse.exercises.{name}"), _answers(name)) for name in lessons]


def _answers(lesson: str) -> ModuleType:
    """Its tested answers. Raises LookupError where there are none."""
    if find_spec(f"answers_{lesson}") is None:
        raise LookupError(
            f"{lesson} has no tested answers: write tests/exercises/answers_{lesson}.py, with a table RIGHT and a "
            "table WRONG (.github/CONTRIBUTING.md, An exercise)."
        )
    return import_module(f"answers_{lesson}")
