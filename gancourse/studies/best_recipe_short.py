"""`best_recipe` at a size for a laptop: 12,000 images, six epochs a row, one seed; says little about long runs."""

from __future__ import annotations

from gancourse.studies.best_recipe import recipes, run
from gancourse.studies.core import Job, Study

ROWS = ("p1", "decay", "mixed", "final", "strong", "batch", "ema", "r1", "translation", "spectral", "ttur", "smooth")


def jobs(quick: bool) -> list[Job]:
    """The rows, those that say most first."""
    if quick:
        return recipes({"epochs": 1, "images": 128, "samples": 300}, ROWS[:1])
    return recipes({"epochs": 6, "images": 12_000, "samples": 10_000}, ROWS)


STUDY = Study("The first rows of best_recipe at a sixteenth of the images, for a laptop", jobs, run)
