"""What an image costs under each recipe of `critics` and `stacked`: images in a second of one core.

Counted in time of the processor, so that whatever else a machine does counts for little; one thread, after a warm-up.
The other studies may have been run anywhere, on many processes at once: their own clocks say nothing.
"""

from __future__ import annotations

import time
from typing import Any

from gancourse.course.studies.lesson07 import critics, stacked
from gancourse.course.studies.runner import Job, Study, results
from gancourse.data.mnist_digits import mnist
from gancourse.data.stacked import stacked_mnist
from gancourse.training.trainer import Trainer

IMAGES, REPEATS = 1_600, 3  # of an epoch, which is five batches of 64 five times over; timed epochs


def jobs(quick: bool) -> list[Job]:
    """One job a recipe of each of the two studies."""
    images = 320 if quick else IMAGES
    found = [
        {"key": f"critics-{i}", "study": "critics", "width": critics.WIDTH, **settings, "arm": arm}
        for i, (arm, settings) in enumerate(critics.ARMS.items())
    ] + [
        {"key": f"stacked-{i}", "study": "stacked", "width": stacked.WIDTH, **settings, "arm": arm}
        for i, (arm, settings) in enumerate(stacked.ARMS.items())
    ]
    return [job | {"images": images, "seed": 0} | ({"width": 4} if quick else {}) for job in found]


def run(job: Job) -> dict[str, Any]:
    """images_per_cpu_second: the best of a few epochs, the first left out."""
    if job["study"] == "critics":
        algorithm: Any = critics.made(job | {"every": 10**9, "n_every": 0})
        data = mnist("train").subset(job["images"])
    else:
        algorithm, data = stacked.made(job), stacked_mnist(job["images"])
    config = critics.config_of(job | {"epochs": 1 + REPEATS})
    trainer = Trainer(algorithm, data, config, device="cpu")
    times, start = [], time.process_time()
    for _ in trainer.epochs():
        times.append(time.process_time() - start)
        start = time.process_time()
    return {
        "images_per_cpu_second": round(job["images"] / min(times[1:]), 1),
        "precision": trainer.setting.plan.precision,
    }


STUDY = Study("What an image costs under each recipe of lesson 07: images in a second of one core", jobs, run)


def minutes(study: str, arm: str, images: float) -> float:
    """Minutes of one core that `images` real images take under an arm of `critics` or `stacked`, as measured.

    Raises StudyError where this was not measured, KeyError for an arm that was not.
    """
    speed = {(row["study"], row["arm"]): row["images_per_cpu_second"] for row in results("critic_speed")["rows"]}
    return images / float(speed[study, arm]) / 60
