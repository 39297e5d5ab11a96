"""How fast P4's networks train on one thread of this machine: what the estimates of notebook 04 start from."""

from __future__ import annotations

import time

import torch

from gancourse.course.studies.runner import Job, Study
from gancourse.data.images import Images
from gancourse.models.base import count_parameters
from gancourse.models.catalogue import networks
from gancourse.training.algorithms.minimax import Minimax
from gancourse.training.trainer import Config, Trainer


def _jobs(quick: bool) -> list[Job]:
    widths = {4: 8} if quick else {8: 32, 16: 32, 64: 16}
    return [
        {"key": f"width-{width}", "width": width, "batch_size": batch, "steps": 1 if quick else 4}
        for width, batch in widths.items()
    ]


def _run(job: Job) -> dict[str, float | str]:
    batch, rng = job["batch_size"], torch.Generator().manual_seed(0)
    images = Images(torch.randint(0, 256, (batch * job["steps"], 3, 128, 128), generator=rng, dtype=torch.uint8))
    torch.manual_seed(0)
    G, D = networks("dcgan128", width=job["width"])
    trainer = Trainer(Minimax(G, D), images, Config("dcgan128", 3, batch, fresh_z=False), device="cpu")
    epochs = trainer.epochs()
    next(epochs)  # the first one also makes the kernels
    start = time.process_time()
    next(epochs)
    seconds = time.process_time() - start  # of the processor: what else runs on it does not count
    return {
        "cpu_seconds_per_image": seconds / len(images),
        "precision": trainer.setting.plan.precision,
        "parameters_g": count_parameters(G),
        "parameters_d": count_parameters(D),
    }


STUDY = Study(
    "Seconds of one processor core per image of a training step, for P4's networks at three widths", _jobs, _run
)
