"""Google Colab: whether a notebook runs there, how to get a GPU, and run folders that outlive the runtime.

A runtime of Colab ends when it is idle, when its hours are used up, or when it likes; its disk goes with it. A run
folder in the user's Google Drive stays, and the next runtime goes on after the last whole epoch.
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

from gancourse.files import DRIVE, IN_DRIVE

NO_GPU = (
    "This runtime has no GPU. To get one: Runtime > Change runtime type > T4 GPU, then run the notebook from its top."
)


def here() -> bool:
    """Whether this is a kernel of Google Colab."""
    return "google.colab" in sys.modules


def run_folder(out: str | Path | None, name: str) -> Path | None:
    """The folder of a run, or None to keep the run in memory.

    out: None, a folder, or "drive": the folder `name` in gancourse/ of the user's Google Drive, which is mounted if it
        is not yet (Colab asks for the permission). Whatever lies in the Drive is found there by the next runtime.
    Raises ValueError for "drive" elsewhere than in Colab, and RuntimeError when the Drive is not there afterwards.
    """
    if out is None:
        return None
    if out != "drive":
        return Path(out)
    if not here():
        raise ValueError('out is "drive", which only Google Colab has; name a folder here, such as "../runs/my-run".')
    importlib.import_module("google.colab.drive").mount(str(DRIVE))
    if not (DRIVE / "MyDrive").is_dir():
        raise RuntimeError(
            f"the Google Drive is not at {DRIVE} after mounting it, so nothing would be kept. Run the cell again and "
            "give the permission, or set out = None to keep the run in this runtime alone."
        )
    folder = DRIVE / IN_DRIVE / name
    print(f"The run is kept in your Google Drive, in {IN_DRIVE.split('/')[1]}/{name}, and goes on from there.")
    return folder
