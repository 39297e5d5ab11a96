"""The user's Drive: a folder that outlives the runtime. Colab mounts it below /content, which other machines lack."""

import os
import sys
from pathlib import Path


def mount(mountpoint: str) -> None:
    """Give the permission, so to speak; the course is told that Colab's place for the Drive is the stand-in's."""
    assert mountpoint in ("/content/drive", os.environ["STAND_IN_DRIVE"]), mountpoint
    place = Path(os.environ["STAND_IN_DRIVE"])
    (place / "MyDrive").mkdir(parents=True, exist_ok=True)
    sys.modules["gancourse.course.colab"].DRIVE = place  # type: ignore[attr-defined]
    print(f"Mounted at {mountpoint}")
