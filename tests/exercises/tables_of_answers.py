"""Which modules of exercises there are, each with its tested answers: one of each for a lesson that has exercises."""

import pkgutil
import re
from importlib import import_module
from types import ModuleType

from gancourse import exercises


def modules() -> list[tuple[ModuleType, ModuleType]]:
    """(exercises, answers) of every module of exercises, whether its lesson has a row of LESSONS yet or not."""
    names = sorted(module.name for module in pkgutil.iter_modules(exercises.__path__))
    lessons = [name for name in names if re.fullmatch(r"lesson\d\d", name)]
    return [(import_module(f"gancourse.exercises.{name}"), import_module(f"answers_{name}")) for name in lessons]
