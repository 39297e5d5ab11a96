"""SRGAN (Ledig et al. 2017): G enlarges pictures, D judges them, and a content term holds G to the truth.

Without an adversarial term it is the training of SRResNet, which goes before. Lesson 10 writes the round by hand.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import torch
from torch import Tensor, nn

from gancourse.data.degraded import CropPairs, enlarge_bicubic
from gancourse.data.pairs import Batch, TrainingData
from gancourse.models.fast_enlarger import FastEnlarger
from gancourse.models.srgan import SRResNet
from gancourse.training.algorithms.base import Algorithm, Setting
from gancourse.training.losses import discriminator_loss, non_saturating_loss, wide
from gancourse.training.step import grad_norm, means
from gancourse.training.superresolution import Features, SRRecipe, content_loss, pixel_loss

N_FIXED = 8  # crops whose enlargements are kept, epoch by epoch


class SRGAN(Algorithm):
    """One step of D on large crops and G's, then one of G on the same fakes (Ledig et al. 2017, equations 2 and 3).

    G: lr (B, 3, h, w) -> (B, 3, scale h, scale w), with its `scale`; D: pictures of a crop's size -> logits (B,).
    Data: `CropPairs`. features: a network in place of the one that the recipe's content names.

    statistics: D's loss; G's, all terms with their weights; the content term without its weight; the PSNR of G's crops
    in decibels, in train mode (4 for the square of the range over the mean squared error); D's mean answers for real
    and fake crops in D's step; the norms of the gradients. Without an adversarial term D stays as it is, and what
    concerns it is 0.
    """

    name = "srgan"
    statistics = ("loss_d", "loss_g", "content", "psnr", "d_real", "d_fake", "grad_norm_d", "grad_norm_g")
    averages = {"ema": "G"}

    def __init__(
        self, G: nn.Module, D: nn.Module, recipe: SRRecipe | None = None, features: Features | None = None
    ) -> None:
        super().__init__(G=G, D=D)
        self.recipe = SRRecipe() if recipe is None else recipe
        self._features = features
        self.started_from = ""  # the SHA-256 of the weights that G was given, where a run states them

    def start(self, setting: Setting) -> None:
        if setting.plan.device in ("cpu", "cuda") and setting.config.fast:
            self.to_channels_last()
        super().start(setting)
        G = self.networks["G"]
        if setting.plan.device == "cpu" and setting.config.fast and type(G) is SRResNet:
            self.views["G"] = FastEnlarger(G)
        self._judges = self.recipe.adversarial > 0
        if not hasattr(self, "_content"):  # a twin has it
            self._content = content_loss(self.recipe.content, self._features, setting.device)

    def check(self, data: TrainingData) -> None:
        self.takes_no("k", "fresh_z", "loss")
        if not isinstance(data, CropPairs):
            raise ValueError(f"{data.name} is no crops, small and large: give CropPairs.")
        if (takes := getattr(self.networks["G"], "scale", data.scale)) != data.scale:
            raise ValueError(f"G enlarges {takes} times, and the small crops are {data.scale} times smaller.")
        if self._judges and (takes := getattr(self.networks["D"], "size", data.crop)) != data.crop:
            raise ValueError(
                f"D takes {takes} pixels a side, and crops have {data.crop}: make it with size={data.crop}."
            )

    def make_optimisers(self) -> dict[str, torch.optim.Optimizer]:
        return {f"opt_{name.lower()}": self.setting.adam(network) for name, network in self.networks.items()}

    def begin_epoch(self, epoch: int) -> None:
        """A tenth of the rate in the second half (Ledig et al. 2017, 3.2: 1e5 steps at 1e-4 and 1e5 at 1e-5)."""
        config = self.setting.config
        tenth = self.recipe.decay and 2 * epoch >= config.epochs > 1
        for optimiser in self.optimisers.values():
            for group in optimiser.param_groups:
                group["lr"] = config.lr / 10 if tenth else config.lr

    def round(self, batches: list[Batch], rng: torch.Generator) -> Tensor:
        """One batch (lr, hr) -> the eight statistics, (8,)."""
        ((lr, hr),) = batches
        recipe, parts = self.recipe, self.setting.accumulate
        G, D, opt_g, opt_d = self.views["G"], self.views["D"], self.optimisers["opt_g"], self.optimisers["opt_d"]
        of_d, of_g = torch.zeros(3, device=lr.device), torch.zeros(3, device=lr.device)
        norm_d = torch.zeros((), device=lr.device)
        reals = hr.chunk(parts)
        fakes = [G(part) for part in lr.chunk(parts)]
        if self._judges:
            opt_d.zero_grad()
            for real, fake in zip(reals, fakes, strict=True):
                real_logits, fake_logits = wide(D(real)), wide(D(fake.detach()))
                loss_d = discriminator_loss(real_logits, fake_logits)
                (loss_d / parts).backward()
                of_d += means(loss_d, real_logits.sigmoid(), fake_logits.sigmoid()) / parts
            opt_d.step()
            norm_d = grad_norm(D)

        D.requires_grad_(False)
        try:
            opt_g.zero_grad()
            for real, fake in zip(reals, fakes, strict=True):
                content = self._content(fake, real) if recipe.weight else torch.zeros((), device=fake.device)
                loss_g = recipe.weight * content
                if recipe.pixels:
                    loss_g = loss_g + recipe.pixels * pixel_loss(fake, real)
                if self._judges:
                    loss_g = loss_g + recipe.adversarial * non_saturating_loss(D(fake))
                (loss_g / parts).backward()
                error = pixel_loss(fake.detach().clamp(-1, 1), real)
                of_g += means(loss_g, content, error) / parts
            opt_g.step()
        finally:  # whoever stops the kernel here keeps a D that can train
            D.requires_grad_(True)
        loss_d, d_real, d_fake = of_d
        loss_g, content, error = of_g
        psnr = 10 * torch.log10(4 / error.clamp_min(1e-10))
        return torch.stack([loss_d, loss_g, content, psnr, d_real, d_fake, norm_d, grad_norm(G)])

    def fixed(self, data: TrainingData, seed: int) -> tuple[Tensor, Tensor]:
        assert isinstance(data, CropPairs)
        lr, hr = data.middles(N_FIXED)
        return lr.cpu(), hr.cpu()

    def sample(self, networks: Mapping[str, nn.Module], fixed: tuple[Tensor, Tensor]) -> Tensor:
        """The middles of the data's first pictures: eight bicubic enlargements, eight of G, and eight truths."""
        lr, hr = fixed
        G = networks.get("ema", networks["G"])
        return torch.cat([enlarge_bicubic(lr, hr.shape[-1] // lr.shape[-1]), G(lr), hr])

    def settings(self) -> dict[str, Any]:
        return {"translation": asdict(self.recipe)} | ({"start": self.started_from} if self.started_from else {})

    def marks(self) -> Mapping[str, tuple[float, str]]:
        return self.recipe.marks()
