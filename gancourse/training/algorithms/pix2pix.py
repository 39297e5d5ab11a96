"""Pix2Pix (Isola et al. 2017): G paints a picture y from another one, x; D judges patches, and an L1 term compares.

Lesson 08 writes the round by hand. With the same settings both give the same weights, bit for bit; a test holds them
to it.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from gancourse.data.images import scale
from gancourse.data.pairs import AlignedPairs, Batch, TrainingData
from gancourse.models.unet import painting
from gancourse.training.algorithms.base import Setting
from gancourse.training.algorithms.translating import Translating
from gancourse.training.losses import discriminator_loss, non_saturating_loss, wide
from gancourse.training.step import grad_norm, means
from gancourse.training.translation import Pix2PixRecipe

N_FIXED = 8  # pairs whose translations are kept, epoch by epoch


class Pix2Pix(Translating):
    """One step of D, then one of G on the same fakes (Isola et al. 2017, section 3.3 and equation 4).

    G: x (B, C, H, W) in [-1, 1] -> pictures (B, C', H, W) in [-1, 1]. D: x and a picture, one behind the other,
    (B, C + C', H, W), or the picture alone where the recipe says so -> logits of patches. Data: `AlignedPairs` (x, y).

    statistics: the losses (D's halved, G's adversarial part without its weight), the L1 distance, D's mean answers for
    real and fake patches in D's step, the norms of the gradients. Without an adversarial term D stays as it is, and all
    but the L1 distance and G's norm are 0.
    """

    name = "pix2pix"
    statistics = ("loss_d", "loss_g", "l1", "d_real", "d_fake", "grad_norm_d", "grad_norm_g")
    recipe: Pix2PixRecipe
    averages = {"ema": "G"}

    def __init__(self, G: nn.Module, D: nn.Module, recipe: Pix2PixRecipe | None = None) -> None:
        super().__init__(G=G, D=D)
        self.recipe = Pix2PixRecipe() if recipe is None else recipe

    def start(self, setting: Setting) -> None:
        super().start(setting)
        self._judges = self.recipe.adversarial > 0

    def check(self, data: TrainingData) -> None:
        self.takes_no("k", "fresh_z", "loss")
        if not isinstance(data, AlignedPairs):
            raise ValueError(
                f"{data.name} is no aligned pairs, and Pix2Pix compares pixel by pixel: give AlignedPairs."
            )
        channels = data.a.shape[0] * self.recipe.conditional + data.b.shape[0]
        takes = getattr(self.networks["D"], "channels", channels)
        if self._judges and takes != channels:
            told = "x and a picture" if self.recipe.conditional else "a picture alone"
            raise ValueError(
                f"D takes {takes} channels, and is shown {told}, {channels}: make it with channels={channels}."
            )

    def make_optimisers(self) -> dict[str, torch.optim.Optimizer]:
        return {f"opt_{name.lower()}": self.setting.adam(network) for name, network in self.networks.items()}

    def round(self, batches: list[Batch], rng: torch.Generator) -> Tensor:
        """One batch (x, y), each (B, C, H, W) -> the seven statistics, (7,)."""
        ((x, y),) = batches
        recipe, parts = self.recipe, self.setting.accumulate
        G, D, opt_g, opt_d = self.views["G"], self.views["D"], self.optimisers["opt_g"], self.optimisers["opt_d"]
        of_d, of_g = torch.zeros(3, device=x.device), torch.zeros(2, device=x.device)
        norm_d = torch.zeros((), device=x.device)
        halves = list(zip(x.chunk(parts), y.chunk(parts), strict=True))
        fakes = [G(x_part) for x_part, _ in halves]
        if self._judges:
            opt_d.zero_grad()
            for (x_part, y_part), fake in zip(halves, fakes, strict=True):
                real_logits = wide(D(self._shown(x_part, y_part)))
                fake_logits = wide(D(self._shown(x_part, fake.detach())))
                loss_d = discriminator_loss(real_logits, fake_logits) / 2
                (loss_d / parts).backward()
                of_d += means(loss_d, real_logits.sigmoid(), fake_logits.sigmoid()) / parts
            opt_d.step()
            norm_d = grad_norm(D)

        D.requires_grad_(False)
        try:
            opt_g.zero_grad()
            for (x_part, y_part), fake in zip(halves, fakes, strict=True):
                l1 = (fake - y_part).abs().mean()
                total, loss_g = recipe.l1 * l1, torch.zeros_like(l1)
                if self._judges:
                    loss_g = non_saturating_loss(D(self._shown(x_part, fake)))
                    total = recipe.adversarial * loss_g + total
                (total / parts).backward()
                of_g += means(loss_g, l1) / parts
            opt_g.step()
        finally:  # whoever stops the kernel here keeps a D that can train
            D.requires_grad_(True)
        loss_d, d_real, d_fake = of_d
        loss_g, l1 = of_g
        return torch.stack([loss_d, loss_g, l1, d_real, d_fake, norm_d, grad_norm(G)])

    def _shown(self, x: Tensor, picture: Tensor) -> Tensor:
        """What D gets to see."""
        return torch.cat([x, picture], 1) if self.recipe.conditional else picture

    def fixed(self, data: TrainingData, seed: int) -> tuple[Tensor, Tensor]:
        assert isinstance(data, AlignedPairs)
        some = torch.arange(min(N_FIXED, len(data)))
        return scale(data.a.rows(some)).cpu(), scale(data.b.rows(some)).cpu()

    def sample(self, networks: Mapping[str, nn.Module], fixed: tuple[Tensor, Tensor]) -> Tensor:
        """The first pairs of the data: eight x, what G paints of them with its dropout on, and eight y."""
        x, y = fixed
        G = networks.get("ema", networks["G"])
        with torch.random.fork_rng(devices=[x.device] if x.device.type == "cuda" else []), painting(G):
            torch.manual_seed(0)
            return torch.cat([x, G(x), y])
