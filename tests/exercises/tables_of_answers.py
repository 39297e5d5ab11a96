"""Which modules of exercises there are, each with its tested answers: one of each for a lesson that has exercises."""

import pkgutil
from importlib import import_module
from types import ModuleType

from gancourse import exercises
from gancourse.course.lessons import numbered


def modules() -> list[tuple[ModuleType, ModuleType]]:
    """(exercises, answers) of every lesson of LESSONS that has a module of exercises."""
    names = numbered(module.name for module in pkgutil.iter_modules(exercises.__path__))
    return [(import_module(f"gancourse.exercises.{name}"), import_module(f"answers_{name}")) for name in names]
