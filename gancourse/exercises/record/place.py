"""Where a student's progress file lies, and whether the checks of this process may write into it.

By default it is progress.json in the platform's folder for a user's data; in Colab in the user's Google Drive where
that is mounted, and else in the runtime, which takes it along when it ends. The environment variable GANCOURSE_PROGRESS
names another file, or a folder for it; "off" keeps nothing.

Checks write where a person has run the cell, or where the variable says so, and nowhere else: not when a program runs
a notebook, not in tests, not in a script.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from gancourse import files

VARIABLE = "GANCOURSE_PROGRESS"
OFF = "off"
FILE = "progress.json"


def usual() -> Path:
    """The file of whoever works here. It may not exist.

    Raises ValueError where the variable says that nothing is kept, RuntimeError where the user has no home folder.
    """
    said = os.environ.get(VARIABLE)
    if not said:
        return files.DRIVE / files.IN_DRIVE / FILE if _drive_is_there() else files.data_folder() / FILE
    if said.lower() == OFF:
        raise ValueError(f"{VARIABLE} is {said!r}, so no progress is kept here; name a file, or unset it.")
    path = Path(said).expanduser()
    return path / FILE if path.is_dir() else path


def of_checks() -> Path | None:
    """The file that checks of this process write into; None where they must write nowhere.

    Raises RuntimeError as `usual`.
    """
    said = os.environ.get(VARIABLE, "")
    if said.lower() == OFF or not (said or a_person_runs_this()):
        return None
    return usual()


def a_person_runs_this() -> bool:
    """Whether the cell that is running was run by somebody who sits at a notebook.

    Each request to a kernel says whether the cell may ask for input (`allow_stdin`). It may where somebody can answer:
    in JupyterLab, Notebook, VS Code, Colab, the console. It may not where a program runs the notebook: nbclient,
    nbconvert, papermill, nbval. Outside a kernel of Jupyter there is no request, and the answer is no.
    """
    try:
        kernel = sys.modules["IPython"].get_ipython().kernel
        return kernel.get_parent("shell")["content"]["allow_stdin"] is True
    except Exception:  # no IPython, no kernel, no cell, or a kernel that has none of this
        return False


def in_colab() -> bool:
    """Whether this runs in a runtime of Colab, in its kernel or in a program that a cell has started."""
    return "google.colab" in sys.modules or "COLAB_RELEASE_TAG" in os.environ


def left_in_the_runtime() -> Path | None:
    """The file that a runtime of Colab has from before the Drive was mounted; None where there is none."""
    if os.environ.get(VARIABLE) or not _drive_is_there():
        return None
    path = files.data_folder() / FILE
    return path if path.exists() else None


def described(path: Path) -> str:
    """Where a file lies, for whoever owns it."""
    if not in_colab() or os.environ.get(VARIABLE):
        return f"{path}, on this computer alone"
    if _drive_is_there():
        return f"{'/'.join(path.parts[-2:])} of your Google Drive, where the next runtime finds it"
    return f"{path} of this runtime, and is gone when the runtime ends: mount your Google Drive, and it moves there"


def _drive_is_there() -> bool:
    return in_colab() and (files.DRIVE / files.IN_DRIVE).parent.is_dir()
