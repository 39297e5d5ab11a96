"""Algorithm 1 of Goodfellow et al. 2014 as a trainer runs it, with the additions of a `Recipe` where there are any.

`training.step.train_step` is the same round as one would write it by hand. With the default recipe both give the same
weights, bit for bit; a test holds them to it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from typing import Any

import torch
from torch import Tensor, nn

from gancourse.data.images import Images
from gancourse.data.pairs import Batch, LabelledImages, TrainingData
from gancourse.models.clusters import ToldDiscriminator, TornGenerator, find_clusters, of_fakes, of_reals
from gancourse.models.factors import SIZES, FactorDiscriminator, FactorGenerator, in_range
from gancourse.models.fast_perceptron import Perceptron
from gancourse.models.growing import fade_in
from gancourse.training.algorithms.base import Setting
from gancourse.training.algorithms.two_networks import TwoNetworks
from gancourse.training.augment import flip
from gancourse.training.fast_round import FastRound
from gancourse.training.losses import LOSSES, wide
from gancourse.training.penalties import gradient_penalty, r1_penalty, smoothed_discriminator_loss
from gancourse.training.recipe import Recipe, view
from gancourse.training.step import STATISTICS, draw_z, grad_norm, means


class Minimax(TwoNetworks):
    """k steps of the discriminator, then one of the generator (Goodfellow et al. 2014, Algorithm 1), with a recipe.

    G: z (B, z_size) -> images (B, C, H, W) in [-1, 1]. D: such images -> logits (B,). recipe: additions, none by
    default. A `TornGenerator` and its discriminator are told of the clusters of the images first. A `FactorGenerator`
    and its discriminator take `LabelledImages`, whose labels (N, 10) D is told with real images.
    Raises ValueError: images that are fewer than clusters, `Recipe.mixed` with networks that are told something, mirror
    images with factors (left would be right), such a G with a D that is told nothing, or the other way round, and
    images with labels for networks that take none, or without for those that take some.
    """

    name = "minimax"
    statistics = STATISTICS
    recipe: Recipe

    def __init__(self, G: nn.Module, D: nn.Module, recipe: Recipe | None = None) -> None:
        super().__init__(G=G, D=D)
        self.recipe = self._now = Recipe() if recipe is None else recipe
        self._rounds = self._done = 0
        self._fast: FastRound | None = None
        self.started_from = ""  # the SHA-256 of the weights that both networks have grown from
        self.before: Mapping[str, Any] = {}  # the settings of the run that made them, for a card
        if isinstance(G, TornGenerator) and not isinstance(D, ToldDiscriminator):
            raise ValueError(
                f"{type(G).__name__} needs a discriminator that is told its clusters; D is a {type(D).__name__}. "
                "models.networks(name) gives both."
            )
        if isinstance(G, FactorGenerator) != isinstance(D, FactorDiscriminator):
            raise ValueError(
                f"G is a {type(G).__name__} and D a {type(D).__name__}: of a FactorGenerator and a FactorDiscriminator "
                'neither does without the other. models.networks("dcgan128-factors") gives both.'
            )
        if isinstance(G, TornGenerator | FactorGenerator) and self.recipe.mixed:
            raise ValueError("mixed is True, which networks that are told something do not take; use mixed=False.")
        if isinstance(G, FactorGenerator) and "flip" in self.recipe.augment:
            raise ValueError("augment has 'flip', and a church that is turned left would be told right: leave it out.")

    def check(self, data: TrainingData) -> None:
        G, D = self.networks["G"], self.networks["D"]
        if isinstance(D, FactorDiscriminator):
            self._check_factors(data)
        elif not isinstance(data, Images):
            raise ValueError(f"{data.name} comes in tuples, and Algorithm 1 takes images alone: give an Images.")
        self.check_parts()
        config = self.setting.config
        self._rounds = len(data) // (config.batch_size * config.k)
        if isinstance(G, TornGenerator) and isinstance(D, ToldDiscriminator):
            assert isinstance(data, Images)
            find_clusters(G, D, data, self.setting.config.seed)

    def _check_factors(self, data: TrainingData) -> None:
        labels = data.images.labels if isinstance(data, LabelledImages) else None
        if labels is None or labels.ndim != 2 or labels.shape[1] != len(SIZES) or labels.dtype != torch.int64:
            has = "none" if labels is None else f"labels {tuple(labels.shape)}, {labels.dtype}"
            raise ValueError(
                f"D is told {len(SIZES)} factors with every image, and {data.name} has {has}: give a LabelledImages "
                f"with labels (N, {len(SIZES)}) int64, as data.churches.churches_with_factors makes them."
            )
        in_range(labels)

    def start(self, setting: Setting) -> None:
        super().start(setting)
        self._fast = None
        G, D = self.networks["G"], self.networks["D"]
        plain = replace(self.recipe, lr_g=None, lr_d=None, decay=False) == Recipe()
        whole = setting.team.size == setting.accumulate == 1
        own = setting.plan.fast and setting.plan.fused and setting.device.type == "cpu"
        if plain and whole and own and Perceptron.fits(G) and Perceptron.fits(D):
            self._fast = FastRound(G, D, getattr(torch, setting.plan.precision))

    def begin_epoch(self, epoch: int) -> None:
        super().begin_epoch(epoch)
        recipe = self.recipe
        self._done = epoch * self._rounds
        left = 1 - epoch / recipe.noise_epochs if recipe.noise_epochs else 1.0
        self._now = replace(recipe, noise=recipe.noise * max(0.0, left))

    def settings(self) -> dict[str, Any]:
        grew = {"start": self.started_from, "before": dict(self.before)} if self.started_from else {}
        return {"recipe": asdict(self.recipe) | {"augment": list(self.recipe.augment)}} | grew

    def marks(self) -> Mapping[str, tuple[float, str]]:
        return LOSSES[self.setting.config.loss].marks

    def round(self, batches: list[Batch], rng: torch.Generator) -> Tensor:
        """k batches (B, C, H, W), or such and labels -> the seven STATISTICS, (7,); D's are means over its k steps.

        loss_d is reported without penalties, so that 2 ln 2 keeps its meaning (a real_target below 1 moves it).
        """
        recipe, config, parts, share = self._now, self.setting.config, self.setting.accumulate, self.setting.team.share
        G, D, opt_g, opt_d = self.views["G"], self.views["D"], self.optimisers["opt_g"], self.optimisers["opt_d"]
        generator_loss = LOSSES[config.loss].generator
        if self._fast is not None:
            images = [batch for batch in batches if isinstance(batch, Tensor)]
            return self._fast(images, rng, opt_g, opt_d, generator_loss, config.fresh_z)
        labelled = [(b, None) if isinstance(b, Tensor) else (b[0], b[1]) for b in batches]
        device = labelled[0][0].device
        fade_in(D, self._done * config.batch_size * config.k, recipe.fade)
        self._done += 1
        d_means, g_means = torch.zeros(4, device=device), torch.zeros(2, device=device)
        for x_real, labels in labelled:
            if "flip" in recipe.augment:
                x_real = flip(x_real, rng, share)
            z, fakes = draw_z(G, len(x_real), rng, share), []
            opt_d.zero_grad()
            y_parts = [None] * parts if labels is None else labels.chunk(parts)
            for x_part, y_part, z_part in zip(x_real.chunk(parts), y_parts, z.chunk(parts), strict=True):
                x_fake, of_real = G(z_part), of_reals(D, x_part, y_part)
                if recipe.mixed:
                    together = torch.cat([x_part, x_fake.detach()])
                    real_logits, fake_logits = wide(D(view(together, recipe, rng, share))).chunk(2)
                else:
                    real_logits = wide(D(view(x_part, recipe, rng, share), *of_real))
                    fake_logits = wide(D(view(x_fake.detach(), recipe, rng, share), *of_fakes(G, z_part)))
                loss_d = smoothed_discriminator_loss(real_logits, fake_logits, recipe.real_target)
                total = loss_d
                if recipe.r1:
                    some = math.ceil(recipe.r1_share * len(x_part))
                    judge = told_of(D, *(told[:some] for told in of_real))
                    total = total + recipe.r1 / 2 * r1_penalty(judge, view(x_part[:some], recipe, rng, share))
                if recipe.gradient_penalty:
                    judge = told_of(D, *of_real)
                    total = total + recipe.gradient_penalty * gradient_penalty(judge, x_part, x_fake, rng, share)
                (total / parts).backward()
                d_means[:3] += means(loss_d, real_logits.sigmoid(), fake_logits.sigmoid()) / parts
                if not config.fresh_z:
                    fakes.append(x_fake)
            opt_d.step()
            d_means[3] += grad_norm(D)

        D.requires_grad_(False)
        try:
            z = draw_z(G, len(x_real), rng, share) if config.fresh_z else z
            opt_g.zero_grad()
            for i, (x_part, z_part) in enumerate(zip(x_real.chunk(parts), z.chunk(parts), strict=True)):
                x_fake = G(z_part) if config.fresh_z else fakes[i]
                seen = torch.cat([x_part, x_fake]) if recipe.mixed else x_fake
                fake_logits = wide(D(view(seen, recipe, rng, share), *of_fakes(G, z_part)))[-len(x_fake) :]
                loss_g = generator_loss(fake_logits)
                (loss_g / parts).backward()
                g_means += means(loss_g, fake_logits.sigmoid()) / parts
            opt_g.step()
        finally:  # whoever stops the kernel here keeps a D that can train
            D.requires_grad_(True)
        loss_d, d_real, d_fake, norm_d = d_means / len(labelled)
        loss_g, d_fake_after = g_means
        return torch.stack([loss_d, loss_g, d_real, d_fake, d_fake_after, norm_d, grad_norm(G)])


def told_of(D: nn.Module, *told: Tensor) -> Callable[[Tensor], Tensor]:
    """D as a function of images (B, C, H, W) alone, told what it is told of them: what penalties take the slope of."""
    return (lambda x: D(x, *told)) if told else D
