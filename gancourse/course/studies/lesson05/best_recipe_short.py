"""`best_recipe` at a size for a laptop: 12,000 images, six epochs a row; says little about long runs."""

from __future__ import annotations

from gancourse.course.studies.lesson05.best_recipe import FINAL_SEEDS, recipes, run
from gancourse.course.studies.runner import Job, Study

ROWS = ("p1", "final", "high", "decay", "ema", "torn", "strong", "r1", "spectral", "translation")


def jobs(quick: bool) -> list[Job]:
    """The rows, those that say most first."""
    if quick:
        return recipes({"epochs": 1, "images": 128, "samples": 300}, ROWS[:1])
    return recipes({"epochs": 6, "images": 12_000, "samples": 10_000}, ROWS, FINAL_SEEDS)


STUDY = Study("The rows of best_recipe at a seventeenth of the images, for a laptop", jobs, run)
