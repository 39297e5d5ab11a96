"""A search for settings under which P2's networks learn, the architecture untouched, one change at a time.

Every job is one short run with one seed; the winner over three seeds is `schulz_fix`.
"""

from __future__ import annotations

from typing import Any

from gancourse.course.studies.lesson02.schulz import run as train
from gancourse.course.studies.runner import Job, Study

EPOCHS = 3

# key -> what differs from P2 as printed (mlp: P1's networks and recipe, for comparison)
CHANGES: dict[str, dict[str, Any]] = {
    "mlp": {"model": "mlp"},
    "as-printed": {},
    "smooth-0.9": {"real_target": 0.9},
    "smooth-0.7": {"real_target": 0.7},
    "noise-0.5": {"noise": 0.5},
    "r1-1": {"r1": 1.0},
    "gp-1": {"gradient_penalty": 1.0},
    "lr-d-5e-5": {"lr_d": 5e-5},
    "noise-1": {"noise": 1.0},
    "lr-g-1e-3": {"lr_g": 1e-3},
    "init-he": {"init": "he"},
    "betas-0.9": {"betas": [0.9, 0.999]},
    "r1-0.1": {"r1": 0.1},
    "lr-1e-3": {"lr": 1e-3},
    "batch-512": {"batch_size": 512},
    "fresh-z": {"fresh_z": True},
    "uniform-z": {"prior": "uniform"},
}


def jobs(quick: bool) -> list[Job]:
    """At most 40 runs."""
    common = {"model": "schulz", "seed": 0, "epochs": EPOCHS}
    made = [{"key": key} | common | change for key, change in CHANGES.items()]
    return [job | {"epochs": 1, "images": 640, "samples": 300} for job in made[:2]] if quick else made


def run(job: Job) -> dict[str, Any]:
    return train({"samples": 5000} | job)


STUDY = Study("A search for settings under which P2's networks learn: at most 40 short runs", jobs, run)
