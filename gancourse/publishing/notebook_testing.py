"""A pytest plugin: the course's notebooks are tested alike from every folder, wherever they lie.

`pytest --nbval PATH` reads the options of the pyproject.toml nearest to PATH and the folders above it. So a notebook
that was copied elsewhere is run without them, and a relative path in them points into the current folder. This plugin,
which installing gancourse registers, sets what such a run needs: the shortest profile, this Python's kernel, and the
file that says which differences do not count. With pytest-xdist (`-n 2`) it gives each worker whole notebooks. And it
keeps tests out of the user's own progress file.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest

SANITIZE = Path(__file__).parents[1] / "assets" / "nbval-sanitize.cfg"
CELL_TIMEOUT = 600.0  # seconds
CELL_BY_CELL = ("load", "loadgroup", "worksteal")  # ways of pytest-xdist that scatter the cells of a notebook


def pytest_configure(config: pytest.Config) -> None:
    """Called by pytest for the command line's options, before anything is collected."""
    if _has_nbval(config) and any(_ours(argument) for argument in config.args):
        prepare(config)


def prepare(config: pytest.Config) -> None:
    """Set nbval's options for notebooks of the course; what was given on the command line stays."""
    os.environ.setdefault("GANCOURSE_PROFILE", "smoke")  # nbval's kernels inherit it
    os.environ["GANCOURSE_PROGRESS"] = "off"  # wherever the user keeps theirs
    if not _has_nbval(config):
        return
    option = config.option
    if option.nbval_sanitize_with is None and option.sanitize_with is None:
        option.nbval_sanitize_with = str(SANITIZE)
    option.nbval_current_env = option.nbval_current_env or option.nbval_kernel_name is None
    if getattr(option, "dist", "no") in CELL_BY_CELL:  # each worker has a kernel of its own, which must run every cell
        option.dist = "loadscope"
    with contextlib.suppress(TypeError, ValueError):
        if float(option.nbval_cell_timeout) == 2000:  # nbval's default
            option.nbval_cell_timeout = CELL_TIMEOUT


def _has_nbval(config: pytest.Config) -> bool:
    return bool(getattr(config.option, "nbval", False) or getattr(config.option, "nbval_lax", False))


def _ours(argument: str) -> bool:
    """Whether an argument of pytest is a notebook that uses gancourse, or a folder that holds one."""
    path = Path(argument.split("::")[0])
    files = sorted(path.glob("*.ipynb")) if path.is_dir() else [path] if path.suffix == ".ipynb" else []
    for file in files:
        with contextlib.suppress(OSError):
            if b"gancourse" in file.read_bytes():
                return True
    return False
