"""DCGAN's guidelines (Radford et al. 2016), taken away one at a time from P1's DCGAN."""

from __future__ import annotations

from typing import Any

import torch

from gancourse.course.studies.runner import Job, Study
from gancourse.course.studies.small_dcgan import QUICK, SEEDS, SMALL, dcgan, figures
from gancourse.data.mnist_digits import mnist
from gancourse.training.algorithms.minimax import Minimax
from gancourse.training.config import Config
from gancourse.training.trainer import Trainer

#: variant -> what differs from P1's networks, and from its optimiser
VARIANTS: dict[str, dict[str, Any]] = {
    "as P1 prints it": {},
    "no BatchNorm": {"norm": False},
    "G: LeakyReLU": {"slope_g": 0.2},
    "BatchNorm from N(0, 0.02)": {"norm_weight": 0.0},
    "Adam's beta1 0.9": {"beta1": 0.9},
    "G: kernel 3, stride 2": {"up": "transposed 3"},
    "G: nearest, then convolution": {"up": "nearest"},
    "D: pooling": {"down": "pooling"},
}


def jobs(quick: bool) -> list[Job]:
    """Every variant with every seed, seed by seed, so that a study that is cut short still compares."""
    return [
        {"key": f"{i}-{seed}", "variant": name, "seed": seed, **(QUICK if quick else SMALL), "options": options}
        for seed in SEEDS
        for i, (name, options) in enumerate(VARIANTS.items())
    ]


def run(job: Job) -> dict[str, Any]:
    """Train one variant and measure it."""
    options = dict(job["options"])
    config = Config(
        "dcgan", job["epochs"], job["batch_size"], betas=(options.pop("beta1", 0.5), 0.999), seed=job["seed"]
    )
    torch.manual_seed(job["seed"])
    G, D = dcgan(job["width"], **options)
    return figures(Trainer(Minimax(G, D), mnist("train").subset(job["images"]), config))


STUDY = Study("DCGAN's guidelines, each taken away once: 8 variants, 3 seeds, short runs at half width", jobs, run)
