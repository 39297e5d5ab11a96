"""The clinic of notebook 02: six runs, each with one real mistake, as data for a dashboard.

The patients' files carry numbers, not causes: those stand here, and in the exercise's answer.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from gancourse import models
from gancourse.course.studies.runner import Job, Study
from gancourse.course.studies.variants import Standardised
from gancourse.data.images import Images
from gancourse.data.mnist_digits import mnist
from gancourse.data.pairs import Batch
from gancourse.data.sheets import pack
from gancourse.training.algorithms.minimax import Minimax
from gancourse.training.losses import discriminator_loss
from gancourse.training.step import STATISTICS, draw_z, grad_norm, means, train_step
from gancourse.training.trainer import Config, Trainer

EPOCHS, IMAGES = 12, 12_800


class SigmoidTwice(models.MLPDiscriminator):
    """P1's D whose `forward` ends with the sigmoid, before a loss that expects logits."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x).sigmoid()


class SwappedTarget(Minimax):
    """G's step with the target 0: it descends -log(1 - D(G(z)))."""

    def round(self, batches: list[Batch], rng: torch.Generator) -> Tensor:
        G, D, opt_g, opt_d = _all_of(self)
        return train_step(G, D, opt_g, opt_d, _images(batches), rng, lambda s: softplus(s).mean())


class DetachedFakes(Minimax):
    """The fakes are detached in G's step as in D's. D is not frozen there, so that nothing complains."""

    def round(self, batches: list[Batch], rng: torch.Generator) -> Tensor:
        G, D, opt_g, opt_d = _all_of(self)
        (x_real,) = _images(batches)
        real, fake = D(x_real), D(G(draw_z(G, len(x_real), rng)).detach())
        loss_d = discriminator_loss(real, fake)
        opt_d.zero_grad()
        loss_d.backward()
        opt_d.step()
        norm = grad_norm(D)
        opt_g.zero_grad()
        after = D(G(draw_z(G, len(x_real), rng)).detach())
        loss_g = softplus(-after).mean()
        loss_g.backward()
        opt_g.step()
        found = means(loss_d, loss_g, real.sigmoid(), fake.sigmoid(), after.sigmoid())
        return torch.cat([found, torch.stack([norm, torch.zeros(())])])


def _all_of(game: Minimax) -> tuple[nn.Module, nn.Module, torch.optim.Optimizer, torch.optim.Optimizer]:
    return game.networks["G"], game.networks["D"], game.optimisers["opt_g"], game.optimisers["opt_d"]


def _images(batches: list[Batch]) -> list[Tensor]:
    return [x for x in batches if isinstance(x, Tensor)]


def _patient(cause: str, images: Images, config: dict[str, Any]) -> Trainer:
    torch.manual_seed(0)
    G, D = models.networks("schulz" if cause == "P2's networks" else "mlp")
    game = {"target": SwappedTarget, "detached": DetachedFakes}.get(cause, Minimax)
    if cause == "sigmoid twice":
        D = SigmoidTwice()
    if cause == "standardised":
        images = Standardised(images.pixels)
    if cause == "learning rate":
        config["lr"] = 0.02
    return Trainer(game(G, D), images, Config(**config, precision="float32", fast=False), device="cpu")


CAUSES = {1: "standardised", 2: "P2's networks", 3: "detached", 4: "sigmoid twice", 5: "learning rate", 6: "target"}


def jobs(quick: bool) -> list[Job]:
    """A run for each patient."""
    size = {"epochs": 1, "images": 640} if quick else {"epochs": EPOCHS, "images": IMAGES}
    return [{"key": f"patient-{number}"} | size for number in CAUSES]


def run(job: Job) -> dict[str, Any]:
    cause = CAUSES[int(job["key"].removeprefix("patient-"))]
    t = _patient(cause, mnist("train").subset(job["images"]), {"epochs": job["epochs"]})
    names = ("epoch", *STATISTICS)
    history = [{name: float(f"{row[name]:.4g}") for name in names} for row in t.epochs()]
    return {"history": history, "strip": pack(t.samples[t.epoch][:32])}


STUDY = Study("The clinic of notebook 02: six runs with one mistake each", jobs, run)
