"""What the three studies of P2's networks share: one run with some settings, measured.

A job names what differs from P2 as printed, with the listed bugs repaired: "model" ("schulz", or "mlp" for P1's),
"epochs", "seed", any field of `Config` or `Recipe`, "prior" ("normal" or "uniform") and "init" ("default", "normal" for
DCGAN's N(0, 0.02), "he").
"""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import torch
from torch import Tensor, nn

from gancourse.training.algorithms.minimax import Minimax
from gancourse.course.studies.runner import Job
from gancourse.data.images import scale
from gancourse.data.mnist_digits import mnist
from gancourse.data.sheets import pack
from gancourse.evaluation import class_histogram, classifier_fid
from gancourse.models.base import Discriminator, Generator, init_dcgan
from gancourse.models.catalogue import networks
from gancourse.training.algorithms.minimax import Minimax
from gancourse.training.config import Config
from gancourse.training.diagnosis import diagnose
from gancourse.training.recipe import Recipe
from gancourse.training.step import STATISTICS, draw_z
from gancourse.training.trainer import Trainer

FINAL = 10_000  # samples for the figures at the end of a run


class UniformPrior(nn.Module):
    """A generator that is given z ~ N(0, I) and hands its network z uniform on (-1, 1): 2 Phi(z) - 1, exactly."""

    def __init__(self, G: Generator) -> None:
        super().__init__()
        self.inner, self.z_size = G, G.z_size

    def forward(self, z: Tensor) -> Tensor:
        images: Tensor = self.inner(torch.erf(z / 2**0.5))
        return images


def _init(network: nn.Module, how: str) -> None:
    if how == "normal":
        init_dcgan(network)
    elif how == "he":
        for layer in network.modules():
            if isinstance(layer, nn.Linear):
                nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
                nn.init.zeros_(layer.bias)
    elif how != "default":
        raise ValueError(f'init is {how!r}, expected "default", "normal" or "he".')


def trainer(job: Job) -> Trainer:
    """The run that a job describes, ready to start."""
    torch.manual_seed(job["seed"])
    G: Any
    D: Discriminator
    G, D = networks(job["model"])
    for network in (G, D):
        _init(network, job.get("init", "default"))
    if job.get("prior", "normal") == "uniform":
        G = UniformPrior(G)
    settings = {"fresh_z": job["model"] != "schulz"} | job  # P2: one fake batch for both steps
    config = Config(**{f.name: settings[f.name] for f in fields(Config) if f.name in settings})
    recipe = Recipe(**{f.name: settings[f.name] for f in fields(Recipe) if f.name in settings})
    return Trainer(Minimax(Minimax(G, D, recipe), mnist("train").subset(job.get("images", 60_000))), config, device="cpu")


def measure(G: nn.Module, n: int) -> dict[str, Any]:
    """Classes, their KL divergence from uniform (nats), and the classifier's Fréchet distance, on n samples."""
    counts, kl = class_histogram(G, n)
    found = {"kl": round(kl, 3), "fid": round(classifier_fid(G, n, allow_few=True), 2)}
    return found | {"classes": (counts / n).tolist()}


def run(job: Job, per_epoch: int = 0) -> dict[str, Any]:
    """Train and measure.

    per_epoch: how many samples to measure after every epoch; 0 leaves kl and fid out of the history.
    Returns history (a row an epoch), the figures of `measure` for the last generator, and strip (16 of its samples).
    """
    t = trainer(job)
    G, D = t.networks["G"], t.networks["D"]
    x_real = scale(mnist("train").pixels[:500])
    z = draw_z(G, 500, torch.Generator().manual_seed(7))
    history = []
    for row in t.epochs():
        shown = {name: round(float(row[name]), 4) for name in ("epoch", *STATISTICS)}
        shown |= {name: round(value, 4) for name, value in diagnose(G, D, x_real, z).items()}
        if per_epoch:
            shown |= {name: measure(G, per_epoch)[name] for name in ("kl", "fid")}
        history.append(shown)
    return measure(G, job.get("samples", FINAL)) | {
        "history": history,
        "strip": pack(t.samples[t.epoch][:16]),
    }
