"""P2's networks as printed, for as long as P2 trained them: 50 epochs, three seeds. Does the collapse pass?"""

from __future__ import annotations

from gancourse.course.studies.lesson02.schulz_collapse import run
from gancourse.course.studies.runner import Job, Study

EPOCHS, SEEDS = 50, 3


def jobs(quick: bool) -> list[Job]:
    """A run for each seed; the first epochs are those of `schulz_collapse`."""
    size = {"epochs": 1, "images": 640, "samples": 300} if quick else {"epochs": EPOCHS}
    return [{"key": f"seed-{seed}", "model": "schulz", "seed": seed} | size for seed in range(1 if quick else SEEDS)]


STUDY = Study("P2's networks as printed, for P2's 50 epochs, three seeds: does the collapse pass?", jobs, run)
