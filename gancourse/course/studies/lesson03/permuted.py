"""P3 says that MLPs suit wider domains than convolutional networks: both on digits whose pixels are shuffled.

One fixed permutation of the 784 pixels, the same for all images, takes neighbourhood away and nothing else. An MLP
cannot tell (its first and last layers have no order); a convolution can. Samples are put back in order before they are
measured. DCGAN has half its width, as in `guidelines`; the MLP also trains ten times as long, in some one and a
half times DCGAN's seconds.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from gancourse.course.studies.runner import Job, Study
from gancourse.course.studies.small_dcgan import QUICK, SEEDS, SMALL, dcgan, figures
from gancourse.data.images import Images
from gancourse.data.mnist_digits import mnist
from gancourse.models.base import Generator
from gancourse.models.catalogue import networks
from gancourse.training.algorithms.minimax import Minimax
from gancourse.training.config import Config
from gancourse.training.trainer import Trainer

#: name -> networks, and how many times the epochs of the short runs
RUNS: dict[str, tuple[str, int]] = {"MLP": ("mlp", 1), "MLP, ten times as long": ("mlp", 10), "DCGAN": ("dcgan", 1)}


class InOrder(nn.Module):
    """G's images with their pixels back in place: out[..., order] = images."""

    def __init__(self, G: Generator, order: Tensor) -> None:
        super().__init__()
        self.G, self.back = G, order.argsort()

    def forward(self, z: Tensor) -> Tensor:
        """z (B, 100) -> images (B, 1, 28, 28) in [-1, 1]."""
        images: Tensor = self.G(z)
        return images.flatten(1)[:, self.back].view_as(images)


def shuffled(images: Images, order: Tensor) -> Images:
    """Images whose pixel i is pixel order[i] of the given ones; order: a permutation of the H * W pixels."""
    pixels = images.pixels.flatten(1)[:, order].view_as(images.pixels)
    return Images(pixels, images.labels, f"{images.name}, permuted")


def jobs(quick: bool) -> list[Job]:
    """Three runs, pixels shuffled and in order, with every seed."""
    size = QUICK if quick else SMALL
    return [
        {"key": f"{'s' if mixed else 'o'}{i}-{seed}", "name": name, "permuted": mixed, "model": model, "seed": seed}
        | size
        | {"epochs": size["epochs"] * times}
        for seed in SEEDS
        for mixed in (True, False)
        for i, (name, (model, times)) in enumerate(RUNS.items())
    ]


def run(job: Job) -> dict[str, Any]:
    """Train one pair and measure its samples, in order."""
    config = Config(job["model"], job["epochs"], job["batch_size"], seed=job["seed"])
    torch.manual_seed(job["seed"])
    G, D = networks("mlp") if job["model"] == "mlp" else dcgan(job["width"])
    images = mnist("train").subset(job["images"])
    order = torch.randperm(784, generator=torch.Generator().manual_seed(0)) if job["permuted"] else torch.arange(784)
    return figures(
        Trainer(Minimax(G, D), shuffled(images, order), config),
        view=lambda G: InOrder(G, order),
    )


STUDY = Study("The MLP and DCGAN on digits whose pixels are shuffled, and on digits as they are: 3 seeds", jobs, run)
