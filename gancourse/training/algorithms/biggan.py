"""BigGAN's game (Brock et al. 2019): hinge losses, a class told to both networks, spectral normalisation in both.

Lesson 12 writes the round by hand. With the same settings both give the same weights, bit for bit; a test holds them
to it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import torch
from torch import Tensor, nn

from gancourse.data.pairs import Batch, LabelledImages, TrainingData
from gancourse.models.biggan import BigGANDiscriminator, BigGANGenerator
from gancourse.models.spectral import computed_once
from gancourse.training.algorithms.base import Algorithm
from gancourse.training.biggan import BigGANRecipe, orthogonal_penalty
from gancourse.training.critic_step import untouched
from gancourse.training.losses import wide
from gancourse.training.pair_losses import PAIR_LOSSES
from gancourse.training.step import draw_z, grad_norm, means

A_CLASS = 8  # fixed z of each class
HINGE = PAIR_LOSSES["hinge"]


class BigGAN(Algorithm):
    """k steps of D, then one of G, on hinge losses, by a `BigGANRecipe` (Brock et al. 2019, section 3).

    G: a `BigGANGenerator`, z (B, z_size) and labels (B,) -> images (B, C, H, W); D: a `BigGANDiscriminator`, these and
    labels -> scores (B,). Data: `LabelledImages`. Every step draws its own fakes. Their labels are those of the batch
    beside them, in G's step of the last one: so both kinds of images have every class equally often, and D learns
    nothing from how frequent a class is. In G's step nothing of D changes. Of a part of a batch the norms see that part
    alone, and so in several processes.

    statistics: the losses without the penalty, the mean scores of real and fake images in D's steps, the orthogonal
    penalty with its weight, and the norms of the gradients. Samples: A_CLASS z, each with every class, class by class.
    Raises ValueError for other networks, and for data that does not fit them.
    """

    name = "biggan"
    statistics = ("loss_d", "loss_g", "score_real", "score_fake", "penalty", "grad_norm_d", "grad_norm_g")
    averages = {"ema": "G"}

    def __init__(self, G: nn.Module, D: nn.Module, recipe: BigGANRecipe | None = None) -> None:
        super().__init__(G=G, D=D)
        if not isinstance(G, BigGANGenerator) or not isinstance(D, BigGANDiscriminator):
            names = f"{type(G).__name__} and {type(D).__name__}"
            raise ValueError(f'G and D are {names}; BigGAN trains those of models.networks("biggan").')
        if (G.classes, G.image_shape) != (D.classes, D.image_shape):
            raise ValueError(
                f"G makes {G.classes} classes of images of shape {G.image_shape}, and D judges {D.classes} of "
                f"{D.image_shape}: make both by one call of models.networks."
            )
        self.recipe = BigGANRecipe() if recipe is None else recipe

    @property
    def batches_per_round(self) -> int:  # type: ignore[override]
        """k, one for each step of D."""
        return self.setting.config.k

    @property
    def _G(self) -> BigGANGenerator:
        G = self.networks["G"]
        assert isinstance(G, BigGANGenerator)
        return G

    def check(self, data: TrainingData) -> None:
        self.takes_no("fresh_z", "loss")
        if not isinstance(data, LabelledImages):
            raise ValueError(f"{data.name} come without labels, and a class is what is given: use LabelledImages.")
        if data.images.shape != self._G.image_shape:
            raise ValueError(
                f"{data.name} have shape {data.images.shape}, and G makes images of {self._G.image_shape}: choose the "
                'networks\' size, models.networks("biggan", size=...).'
            )
        labels = data.images.labels
        assert labels is not None
        if labels.ndim != 1:
            raise ValueError(f"{data.name} have labels of shape {tuple(labels.shape)}, expected one class an image.")
        if int(labels.min()) < 0 or int(labels.max()) >= self._G.classes:
            raise ValueError(
                f"{data.name} have labels from {int(labels.min())} to {int(labels.max())}, and G knows "
                f'{self._G.classes} classes, from 0 on: models.networks("biggan", classes=...).'
            )

    def make_optimisers(self) -> dict[str, torch.optim.Optimizer]:
        rates = {"G": self.recipe.lr_g, "D": self.recipe.lr_d}
        return {f"opt_{name.lower()}": self.setting.adam(self.networks[name], lr) for name, lr in rates.items()}

    def settings(self) -> dict[str, Any]:
        return {"biggan": asdict(self.recipe)}

    def marks(self) -> Mapping[str, tuple[float, str]]:
        return HINGE.marks

    def round(self, batches: list[Batch], rng: torch.Generator) -> Tensor:
        """k batches (x, y) -> the seven statistics, (7,); D's are means over its steps."""
        of_d = torch.stack([self._discriminator_step(x, y, rng) for x, y in batches]).mean(0)
        y = batches[-1][1]
        loss_g, penalty, norm_g = self._generator_step(y, rng)
        loss_d, score_real, score_fake, norm_d = of_d
        return torch.stack([loss_d, loss_g, score_real, score_fake, penalty, norm_d, norm_g])

    def _discriminator_step(self, x: Tensor, y: Tensor, rng: torch.Generator) -> Tensor:
        """loss_d, score_real, score_fake and grad_norm_d, (4,)."""
        G, D, opt_d, parts = self.views["G"], self.views["D"], self.optimisers["opt_d"], self.setting.accumulate
        z, found = draw_z(G, len(x), rng, self.setting.team.share), torch.zeros(3, device=x.device)
        opt_d.zero_grad()
        for x_part, y_part, z_part in zip(x.chunk(parts), y.chunk(parts), z.chunk(parts), strict=True):
            with torch.no_grad(), computed_once(G):
                x_fake = G(z_part, y_part)
            with computed_once(D):  # one power iteration, and real and fake meet the same weights
                real, fake = wide(D(x_part, y_part)), wide(D(x_fake, y_part))
                loss_d = HINGE.discriminator(real, fake)
                (loss_d / parts).backward()
            found += means(loss_d, real, fake) / parts
        opt_d.step()
        return torch.cat([found, grad_norm(D)[None]])

    def _generator_step(self, y: Tensor, rng: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
        """loss_g, the penalty with its weight, and grad_norm_g."""
        G, D, opt_g, parts = self.views["G"], self.views["D"], self.optimisers["opt_g"], self.setting.accumulate
        z, mean = draw_z(G, len(y), rng, self.setting.team.share), torch.zeros((), device=y.device)
        penalty, weight = torch.zeros((), device=y.device), self.recipe.orthogonal
        opt_g.zero_grad()
        with untouched(D):
            for y_part, z_part in zip(y.chunk(parts), z.chunk(parts), strict=True):
                with computed_once(G), computed_once(D):
                    scores = wide(D(G(z_part, y_part), y_part))
                    loss_g = HINGE.generator(scores, scores)  # it does not look at real ones
                    (loss_g / parts).backward()
                mean += loss_g.detach() / parts
            if weight:
                term = weight * orthogonal_penalty(G)
                term.backward()
                penalty = term.detach()
            opt_g.step()
        return mean, penalty, grad_norm(G)

    def fixed(self, data: TrainingData, seed: int) -> tuple[Tensor, Tensor]:
        z = draw_z(self._G, A_CLASS, torch.Generator().manual_seed(seed + 1_000_003))
        return z.repeat(self._G.classes, 1), torch.arange(self._G.classes).repeat_interleave(A_CLASS)

    def sample(self, networks: Mapping[str, nn.Module], fixed: tuple[Tensor, Tensor]) -> Tensor:
        images: Tensor = networks.get("ema", networks["G"])(*fixed)
        return images
