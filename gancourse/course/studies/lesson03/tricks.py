"""The usual tricks for training a GAN, each switched off once. P3 does not print its own; these are our choice."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from gancourse.course.studies.runner import Job, Study
from gancourse.course.studies.small_dcgan import QUICK, SEEDS, SMALL, dcgan, figures
from gancourse.course.studies.variants import Standardised, ToUniform
from gancourse.data.mnist_digits import mnist
from gancourse.training.algorithms.minimax import Minimax
from gancourse.training.config import Config
from gancourse.training.recipe import Recipe
from gancourse.training.trainer import Trainer

ALL_ON = "none: all tricks on"
#: trick -> what replaces it when it is switched off
TRICKS = {
    ALL_ON: "",
    "range of tanh": "real images with mean 0 and standard deviation 1, as a classifier likes them",
    "LeakyReLU in D": "ReLU",
    "beta1 0.5": "0.9, Adam's default",
    "separate batches": "real and fake images through D in one batch",
    "one-sided smoothing": "D's target for real images is 1 instead of 0.9",
    "Gaussian z": "z uniform in [-1, 1]",
}


def jobs(quick: bool) -> list[Job]:
    """Every trick with every seed, seed by seed."""
    return [
        {"key": f"{i}-{seed}", "without": name, "seed": seed, **(QUICK if quick else SMALL)}
        for seed in SEEDS
        for i, name in enumerate(TRICKS)
    ]


def run(job: Job) -> dict[str, Any]:
    """Train without one trick, all others on, and measure."""
    off = job["without"]
    beta1 = 0.9 if off == "beta1 0.5" else 0.5
    config = Config("dcgan", job["epochs"], job["batch_size"], betas=(beta1, 0.999), seed=job["seed"])
    torch.manual_seed(job["seed"])
    G, D = dcgan(job["width"], slope_d=0.0 if off == "LeakyReLU in D" else 0.2)
    if off == "Gaussian z":
        G.net = nn.Sequential(ToUniform(), *G.net)
    images = mnist("train").subset(job["images"])
    if off == "range of tanh":
        images = Standardised(images.pixels, images.labels, images.name)
    recipe = Recipe(real_target=1.0 if off == "one-sided smoothing" else 0.9, mixed=off == "separate batches")
    return figures(Trainer(Minimax(G, D, recipe), images, config))


STUDY = Study("The usual tricks, each switched off once: 7 variants, 3 seeds, short runs at half width", jobs, run)
