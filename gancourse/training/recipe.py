"""What the years after 2014 added to Algorithm 1, each as one small function, and a step that uses them.

`gancourse.training.step.train_step` is the algorithm as it was published and stays so. `regularised_step` here is the
same round with the additions of a `Recipe`, `RegularisedTrainer` runs it over epochs; with the default `Recipe()` both
give the same weights, bit for bit. The averaged generator (EMA) is a setting of every Trainer:
Config(ema_half_life=...).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from gancourse.data.images import Images
from gancourse.models.clusters import ToldDiscriminator, TornGenerator, find_clusters, of_fakes, of_reals
from gancourse.training.augment import AUGMENTATIONS, flip
from gancourse.training.config import Config
from gancourse.training.losses import GENERATOR_LOSSES, non_saturating_loss, wide
from gancourse.training.penalties import gradient_penalty, r1_penalty, smoothed_discriminator_loss
from gancourse.training.step import draw_z, grad_norm, means
from gancourse.training.trainer import Row, Trainer


@dataclass(frozen=True)
class Recipe:
    """What a round does beyond Algorithm 1. The defaults add nothing.

    Raises ValueError for a value out of range, naming it.
    """

    lr_d: float | None = None  # D's learning rate, where it is not Config.lr
    lr_g: float | None = None  # G's
    decay: bool = False  # both fall linearly, epoch by epoch, from their full value in the first to 0 after the last
    real_target: float = 1.0  # what D is taught to answer for real images: 0.9 is one-sided label smoothing
    noise: float = 0.0  # standard deviation of the noise on all that D sees, in the first epoch
    noise_epochs: int = 0  # it falls linearly to 0 over so many epochs; 0: it stays
    r1: float = 0.0  # gamma of the R1 penalty, gamma/2 E|grad D(x)|^2 on real images
    r1_share: float = 1.0  # of a batch's real images that R1 is computed on: the same on average, and cheaper
    gradient_penalty: float = 0.0  # weight of E(|grad D| - 1)^2 between real and fake images
    mixed: bool = False  # real and fake images side by side in one batch of D, which its BatchNorm then sees together
    augment: tuple[str, ...] = ()  # of AUGMENTATIONS, on all that D sees; "flip", on the real images (see `flip`)

    def __post_init__(self) -> None:
        object.__setattr__(self, "augment", tuple(self.augment))
        for name in ("lr_d", "lr_g"):
            value = getattr(self, name)
            if value is not None and not (math.isfinite(value) and value > 0):
                raise ValueError(f"{name} is {value!r}, expected a positive number such as 2e-4, or None.")
        if not 0.5 < self.real_target <= 1:
            raise ValueError(f"real_target is {self.real_target!r}, expected above 0.5 and at most 1, such as 0.9.")
        if not 0 < self.r1_share <= 1:
            raise ValueError(f"r1_share is {self.r1_share!r}, expected above 0 and at most 1, such as 0.25.")
        for name in ("noise", "noise_epochs", "r1", "gradient_penalty"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value >= 0):
                raise ValueError(f"{name} is {value!r}, expected 0 (none) or a positive number.")
        if unknown := [name for name in self.augment if name not in (*AUGMENTATIONS, "flip")]:
            raise ValueError(f"augment has {unknown[0]!r}, expected some of {', '.join(AUGMENTATIONS)}, flip.")


# --- losses and penalties --------------------------------------------------------------------------------------------


# --- what D sees -----------------------------------------------------------------------------------------------------


def view(x: Tensor, recipe: Recipe, rng: torch.Generator) -> Tensor:
    """What D gets to see of images x (B, C, H, W), real or fake: augmented, then with noise. x itself, where neither.

    D must tell p * noise from p_g * noise, two densities that overlap however thin the sheet is on which G's images
    lie (Sønderby et al. 2017; Arjovsky and Bottou 2017). G is never trained to make the noise: gradients pass through.
    """
    for name in recipe.augment:
        if name != "flip":
            x = AUGMENTATIONS[name](x, rng)
    if recipe.noise:
        x = x + recipe.noise * torch.randn(x.shape, generator=rng, device=x.device)
    return x


# --- the step and the trainer ----------------------------------------------------------------------------------------


def regularised_step(
    G: nn.Module,
    D: nn.Module,
    opt_g: torch.optim.Optimizer,
    opt_d: torch.optim.Optimizer,
    x_reals: list[Tensor],
    rng: torch.Generator,
    recipe: Recipe,
    generator_loss: Any = non_saturating_loss,
    fresh_z: bool = True,
) -> Tensor:
    """One round of Algorithm 1 as `step.train_step`, with the recipe's additions.

    Arguments (x_reals: k batches (B, C, H, W)) and the seven numbers returned, (7,), are train_step's. The recipe's
    learning rates, and the fall of its noise over the epochs, are the trainer's affair.

    loss_d is reported without the penalties, so that 2 ln 2 keeps its meaning (with a real_target below 1 it moves).
    """
    d_means = torch.zeros(4, device=x_reals[0].device)
    for x_real in x_reals:
        if "flip" in recipe.augment:
            x_real = flip(x_real, rng)
        z = draw_z(G, len(x_real), rng)
        x_fake = G(z)
        if recipe.mixed:
            real_logits, fake_logits = wide(D(view(torch.cat([x_real, x_fake.detach()]), recipe, rng))).chunk(2)
        else:
            real_logits = wide(D(view(x_real, recipe, rng), *of_reals(D, x_real)))
            fake_logits = wide(D(view(x_fake.detach(), recipe, rng), *of_fakes(G, z)))
        loss_d = smoothed_discriminator_loss(real_logits, fake_logits, recipe.real_target)
        total = loss_d
        if recipe.r1:
            some = x_real[: math.ceil(recipe.r1_share * len(x_real))]
            total = total + recipe.r1 / 2 * r1_penalty(D, view(some, recipe, rng))
        if recipe.gradient_penalty:
            total = total + recipe.gradient_penalty * gradient_penalty(D, x_real, x_fake, rng)
        opt_d.zero_grad()
        total.backward()
        opt_d.step()
        d_means[:3] += means(loss_d, real_logits.sigmoid(), fake_logits.sigmoid())
        d_means[3] += grad_norm(D)

    D.requires_grad_(False)
    try:
        if fresh_z:
            z = draw_z(G, len(x_real), rng)
            x_fake = G(z)
        seen = torch.cat([x_real, x_fake]) if recipe.mixed else x_fake
        fake_logits = wide(D(view(seen, recipe, rng), *of_fakes(G, z)))[-len(x_fake) :]
        loss_g = generator_loss(fake_logits)
        opt_g.zero_grad()
        loss_g.backward()
        opt_g.step()
    finally:
        D.requires_grad_(True)
    loss_d, d_real, d_fake, norm_d = d_means / len(x_reals)
    loss_g, d_fake_after = means(loss_g, fake_logits.sigmoid())
    return torch.stack([loss_d, loss_g, d_real, d_fake, d_fake_after, norm_d, grad_norm(G)])


class RegularisedTrainer(Trainer):
    """A Trainer whose rounds follow a Recipe. Everything else (history, samples, run folder, EMA) is Trainer's.

    One process, whole batches: `accelerator` and `accumulate` raise ValueError. A run folder remembers the recipe too.
    A `TornGenerator` and its discriminator are told of the clusters of `images` first; ValueError for fewer images
    than clusters, and for `Recipe.mixed` with them.
    """

    tells_clusters = True

    def __init__(
        self, G: nn.Module, D: nn.Module, images: Images, config: Config, recipe: Recipe, **options: Any
    ) -> None:
        if refused := [name for name in ("accelerator", "accumulate") if name in options]:
            raise ValueError(f"{refused[0]} is given, which RegularisedTrainer does not take; use Trainer.")
        self.recipe = recipe
        if isinstance(G, TornGenerator) and isinstance(D, ToldDiscriminator):
            if recipe.mixed:
                raise ValueError("mixed is True, which networks with clusters do not take; use mixed=False.")
            find_clusters(G, D, images, config.seed)
        super().__init__(G, D, images, config, **options)

    def _optimiser(self, network: nn.Module) -> torch.optim.Adam:
        optimiser = super()._optimiser(network)
        for group in optimiser.param_groups:
            group["lr"] = self._learning_rate(network)
        return optimiser

    def _learning_rate(self, network: nn.Module) -> float:
        """That of an epoch without decay."""
        return (self.recipe.lr_d if network is self.D else self.recipe.lr_g) or self.config.lr

    def _train_epoch(self, tick: Callable[[int], Any]) -> Row:
        if self.recipe.decay:
            left = 1 - self.epoch / self.config.epochs
            for network, optimiser in ((self.G, self.opt_g), (self.D, self.opt_d)):
                for group in optimiser.param_groups:
                    group["lr"] = left * self._learning_rate(network)
        return super()._train_epoch(tick)

    def _settings(self) -> dict[str, Any]:
        recipe = asdict(self.recipe)
        return super()._settings() | {"recipe": recipe | {"augment": list(self.recipe.augment)}}

    def _round(self, x_reals: list[Tensor]) -> Tensor:
        left = 1 - self.epoch / self.recipe.noise_epochs if self.recipe.noise_epochs else 1.0
        recipe = replace(self.recipe, noise=self.recipe.noise * max(0.0, left))
        loss = GENERATOR_LOSSES[self.config.loss]
        G, D = self._step_networks
        return regularised_step(G, D, self.opt_g, self.opt_d, x_reals, self.rng, recipe, loss, self.config.fresh_z)
