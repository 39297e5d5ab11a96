"""The winner of `schulz_search` over three seeds, beside P1's MLP over the same seeds and epochs."""

from __future__ import annotations

from typing import Any

from gancourse.course.studies.lesson02.schulz import run as train
from gancourse.course.studies.lesson02.schulz_search import CHANGES
from gancourse.course.studies.runner import Job, Study

WINNER = "r1-1"  # a key of the search
EPOCHS, SEEDS = 10, 3


def jobs(quick: bool) -> list[Job]:
    """P1's networks by P1's recipe, and P2's networks with the winner's settings, a run for each seed."""
    size = {"epochs": 1, "images": 640, "samples": 300} if quick else {"epochs": EPOCHS}
    change = CHANGES[WINNER]
    made = []
    for seed in range(1 if quick else SEEDS):
        made.append({"key": f"schulz-{seed}", "model": "schulz", "seed": seed} | change | size)
        made.append({"key": f"mlp-{seed}", "model": "mlp", "seed": seed} | size)
    return made


def run(job: Job) -> dict[str, Any]:
    return train(job)


STUDY = Study("P2's networks with the settings that work, beside P1's MLP: three seeds each", jobs, run)
