"""The perceptrons and the residual pair over three seeds, to be set beside the DCGAN of `guidelines`."""

from __future__ import annotations

from typing import Any

import torch

from gancourse.course.studies.runner import Job, Study
from gancourse.course.studies.small_dcgan import QUICK, SEEDS, SMALL, figures
from gancourse.data.mnist_digits import mnist
from gancourse.models.catalogue import networks
from gancourse.training.algorithms.minimax import Minimax
from gancourse.training.config import Config
from gancourse.training.trainer import Trainer

PAIRS = {"MLP": "mlp", "residual": "residual"}


def jobs(quick: bool) -> list[Job]:
    """Each pair of networks with every seed. The MLP keeps its full width; the residual pair has half, as the DCGAN."""
    return [
        {"key": f"{model}-{seed}", "pair": name, "model": model, "seed": seed, **(QUICK if quick else SMALL)}
        for seed in SEEDS
        for name, model in PAIRS.items()
    ]


def run(job: Job) -> dict[str, Any]:
    """Train one pair and measure it."""
    config = Config(job["model"], job["epochs"], job["batch_size"], seed=job["seed"])
    torch.manual_seed(job["seed"])
    options = {"width": round(64 * job["width"])} if job["model"] == "residual" else {}
    G, D = networks(job["model"], **options)
    return figures(Trainer(Minimax(G, D), mnist("train").subset(job["images"]), config))


STUDY = Study("The MLP and the residual pair on MNIST, 3 seeds, short runs", jobs, run)
