"""The usual tricks for training a GAN, each switched off once. P3 does not print its own; these are our choice."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import softplus

from gancourse.config import Config
from gancourse.data import Images, mnist
from gancourse.losses import non_saturating_loss, wide
from gancourse.studies.core import Job, Study
from gancourse.studies.short_runs import QUICK, SEEDS, SMALL, dcgan, figures
from gancourse.training import Trainer

#: trick -> what replaces it when it is switched off
TRICKS = {
    "none (all tricks on)": "",
    "range of tanh": "real images normalised to mean 0 and standard deviation 1, as for a classifier",
    "LeakyReLU in D": "ReLU",
    "beta1 0.5": "0.9, Adam's default",
    "separate batches": "real and fake images through D in one batch",
    "one-sided smoothing": "targets of 1 for real images, instead of 0.9",
    "Gaussian z": "z uniform in [-1, 1]",
}


@dataclass(frozen=True)
class Normalised(Images):
    """Images whose batches have MNIST's mean and standard deviation removed: -0.42 to 2.82, which no tanh reaches."""

    def batches(self, batch_size: int, rng: torch.Generator, drop_last: bool = True) -> Iterator[Tensor]:
        for x in super().batches(batch_size, rng, drop_last):
            yield ((x + 1) / 2 - 0.1307) / 0.3081


class TrickTrainer(Trainer):
    """Trainer with the tricks that are no setting of it: smoothing, separate batches, the law of z."""

    without = ""

    def draw(self, n: int) -> Tensor:
        if self.without == "Gaussian z":
            return torch.rand(n, 100, generator=self.rng) * 2 - 1
        return torch.randn(n, 100, generator=self.rng)

    def rounds(self) -> Iterator[Tensor]:
        """Algorithm 1 with k = 1; yields what `Trainer.rounds` does, without the norms of the gradients."""
        G, D = self._step_networks
        target = 1.0 if self.without == "one-sided smoothing" else 0.9
        for x_real in self.images.batches(self.config.batch_size, self.rng):
            with self.plan.autocast():
                x_fake = G(self.draw(len(x_real)))
                if self.without == "separate batches":
                    both = wide(D(torch.cat([x_real, x_fake.detach()])))
                    on_real, on_fake = both.chunk(2)
                else:
                    on_real, on_fake = wide(D(x_real)), wide(D(x_fake.detach()))
                # -t log D(x) - (1 - t) log(1 - D(x)) on real images, with log D = -softplus(-s)
                loss_d = (target * softplus(-on_real) + (1 - target) * softplus(on_real) + softplus(on_fake)).mean()
                self.opt_d.zero_grad()
                loss_d.backward()
                self.opt_d.step()
                D.requires_grad_(False)
                after = wide(D(G(self.draw(len(x_real)))))
                loss_g = non_saturating_loss(after)
                self.opt_g.zero_grad()
                loss_g.backward()
                self.opt_g.step()
                D.requires_grad_(True)
            values = [loss_d, loss_g, on_real.sigmoid().mean(), on_fake.sigmoid().mean(), after.sigmoid().mean()]
            yield torch.stack([v.detach() for v in values] + [torch.zeros(())] * 2)


def jobs(quick: bool) -> list[Job]:
    """Every trick with every seed, seed by seed."""
    return [
        {"key": f"{i}-{seed}", "without": name, "seed": seed, **(QUICK if quick else SMALL)}
        for seed in SEEDS
        for i, name in enumerate(TRICKS)
    ]


def run(job: Job) -> dict[str, Any]:
    """Train without one trick and measure it; G's images are scored from the z that it was trained on."""
    off = job["without"]
    config = Config(
        "dcgan", job["epochs"], job["batch_size"], betas=(0.9 if off == "beta1 0.5" else 0.5, 0.999), seed=job["seed"]
    )
    torch.manual_seed(job["seed"])
    G, D = dcgan(job["width"], slope_d=0.0 if off == "LeakyReLU in D" else 0.2)
    images = mnist("train").subset(job["images"])
    if off == "range of tanh":
        images = Normalised(images.pixels, images.labels, images.name)
    trainer = TrickTrainer(G, D, images, config)
    trainer.without = off
    rng = torch.Generator().manual_seed(0)
    uniform = (torch.rand(500, 100, generator=rng) * 2 - 1 for _ in iter(int, 1))
    return figures(trainer, uniform if off == "Gaussian z" else None)


STUDY = Study("The usual tricks, each switched off once: 7 variants, 3 seeds, short runs at half width", jobs, run)
