"""A conditional GAN (Mirza and Osindero 2014): Algorithm 1 in which G and D are told the class of every image.

Lesson 08 writes the round by hand. With the same settings both give the same weights, bit for bit; a test holds them
to it.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from gancourse.data.pairs import Batch, LabelledImages, TrainingData
from gancourse.training.algorithms.base import Algorithm
from gancourse.training.losses import LOSSES, discriminator_loss, non_saturating_loss, wide
from gancourse.training.step import STATISTICS, draw_z, grad_norm, means

A_CLASS = 8  # fixed z of each class


class ConditionalGAN(Algorithm):
    """One step of D, then one of G with fresh z, both on the classes of the batch (Mirza and Osindero 2014, eq. 2).

    G: z (B, z_size) and labels (B,) -> images (B, C, H, W) in [-1, 1]. D: images and labels -> logits (B,). Data:
    `LabelledImages`. statistics: those of Algorithm 1. Samples: A_CLASS z, each with every class, class by class.
    """

    name = "conditional"
    statistics = STATISTICS
    averages = {"ema": "G"}

    def __init__(self, G: nn.Module, D: nn.Module) -> None:
        super().__init__(G=G, D=D)

    def check(self, data: TrainingData) -> None:
        self.takes_no("k", "fresh_z", "loss")
        if not isinstance(data, LabelledImages):
            raise ValueError(f"{data.name} come without labels, and a class is what is given: use LabelledImages.")

    def make_optimisers(self) -> dict[str, torch.optim.Optimizer]:
        return {f"opt_{name.lower()}": self.setting.adam(network) for name, network in self.networks.items()}

    def marks(self) -> Mapping[str, tuple[float, str]]:
        return LOSSES["non_saturating"].marks

    def round(self, batches: list[Batch], rng: torch.Generator) -> Tensor:
        """One batch (x, y) -> the seven STATISTICS, (7,)."""
        ((x, y),) = batches
        G, D, opt_g, opt_d = self.views["G"], self.views["D"], self.optimisers["opt_g"], self.optimisers["opt_d"]
        parts, share = self.setting.accumulate, self.setting.team.share
        of_d, of_g = torch.zeros(3, device=x.device), torch.zeros(2, device=x.device)
        z = draw_z(G, len(x), rng, share)
        opt_d.zero_grad()
        for x_part, y_part, z_part in zip(x.chunk(parts), y.chunk(parts), z.chunk(parts), strict=True):
            with torch.no_grad():
                x_fake = G(z_part, y_part)
            real_logits, fake_logits = wide(D(x_part, y_part)), wide(D(x_fake, y_part))
            loss_d = discriminator_loss(real_logits, fake_logits)
            (loss_d / parts).backward()
            of_d += means(loss_d, real_logits.sigmoid(), fake_logits.sigmoid()) / parts
        opt_d.step()
        norm_d = grad_norm(D)

        D.requires_grad_(False)
        try:
            z = draw_z(G, len(x), rng, share)
            opt_g.zero_grad()
            for y_part, z_part in zip(y.chunk(parts), z.chunk(parts), strict=True):
                fake_logits = wide(D(G(z_part, y_part), y_part))
                loss_g = non_saturating_loss(fake_logits)
                (loss_g / parts).backward()
                of_g += means(loss_g, fake_logits.sigmoid()) / parts
            opt_g.step()
        finally:  # whoever stops the kernel here keeps a D that can train
            D.requires_grad_(True)
        loss_d, d_real, d_fake = of_d
        loss_g, d_fake_after = of_g
        return torch.stack([loss_d, loss_g, d_real, d_fake, d_fake_after, norm_d, grad_norm(G)])

    def fixed(self, data: TrainingData, seed: int) -> tuple[Tensor, Tensor]:
        z = draw_z(self.networks["G"], A_CLASS, torch.Generator().manual_seed(seed + 1_000_003))
        y = torch.arange(10).repeat_interleave(A_CLASS)
        return z.repeat(10, 1), y

    def sample(self, networks: Mapping[str, nn.Module], fixed: tuple[Tensor, Tensor]) -> Tensor:
        images: Tensor = networks.get("ema", networks["G"])(*fixed)
        return images
