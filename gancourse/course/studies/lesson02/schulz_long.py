"""P2's networks as printed, for as long as P2 trained them: 50 epochs. Does the collapse of the first epochs pass?"""

from __future__ import annotations

from gancourse.course.studies.lesson02.schulz_collapse import run
from gancourse.course.studies.runner import Job, Study

EPOCHS = 50


def jobs(quick: bool) -> list[Job]:
    """One run; its first epochs are those of `schulz_collapse`'s seed 0."""
    size = {"epochs": 1, "images": 640, "samples": 300} if quick else {"epochs": EPOCHS}
    return [{"key": "seed-0", "model": "schulz", "seed": 0} | size]


STUDY = Study("P2's networks as printed, for P2's 50 epochs: does the collapse pass?", jobs, run)
