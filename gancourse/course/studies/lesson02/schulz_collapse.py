"""P2's networks and loss as printed, its listed bugs repaired: does it collapse, and in every seed?"""

from __future__ import annotations

from typing import Any

from gancourse.course.studies.lesson02.schulz import run as train
from gancourse.course.studies.runner import Job, Study

EPOCHS, SEEDS = 3, 3


def jobs(quick: bool) -> list[Job]:
    """A run for each seed: Adam 2e-4, betas (0.5, 0.999), batch 128, z 100, one fake batch for both steps."""
    size = {"epochs": 1, "images": 640, "samples": 300} if quick else {"epochs": EPOCHS}
    return [{"key": f"seed-{seed}", "model": "schulz", "seed": seed} | size for seed in range(1 if quick else SEEDS)]


def run(job: Job) -> dict[str, Any]:
    return train(job, per_epoch=min(1000, job.get("samples", 1000)))


STUDY = Study("P2's networks as printed: the collapse, over seeds, with D's logits and G's gradients", jobs, run)
