"""What the years after 2014 added to Algorithm 1, each as one small function, and a step that uses them.

`gancourse.step.train_step` is the algorithm as it was published and stays so. `regularised_step` here is the same
round with the additions of a `Recipe`, `RegularisedTrainer` runs it over epochs; with the default `Recipe()` both give
the same weights, bit for bit. The averaged generator (EMA) is a setting of every Trainer: Config(ema_half_life=...).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gancourse.clusters import find_clusters, of_fakes, of_reals
from gancourse.config import Config
from gancourse.data import Images
from gancourse.losses import GENERATOR_LOSSES, non_saturating_loss, wide
from gancourse.models import ToldDiscriminator, TornGenerator
from gancourse.step import draw_z, grad_norm, means
from gancourse.training import Row, Trainer


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


def smoothed_discriminator_loss(real_logits: Tensor, fake_logits: Tensor, real_target: float = 0.9) -> Tensor:
    """`losses.discriminator_loss` with the target `real_target` for real images (Salimans et al. 2016, section 3.4).

    -E[t log D(x) + (1 - t) log(1 - D(x))] - E[log(1 - D(G(z)))], a scalar, with t = real_target: logits (B,) that grow
    past log(t / (1 - t)) are punished, so that D stays unsure enough to teach. One-sided: fakes keep the target 0. With
    a target above 0 there, D's optimum would rise where p_g alone has mass, and hold bad samples in place.
    """
    real, fake = wide(real_logits), wide(fake_logits)
    on_real = F.softplus(-real) * real_target + (F.softplus(real) * (1 - real_target) if real_target < 1 else 0.0)
    return on_real.mean() + F.softplus(fake).mean()


def _input_gradients(D: nn.Module, x: Tensor) -> Tensor:
    """The gradient of D's logit with respect to each image, (B, C*H*W), in float32, itself differentiable."""
    x = x.detach().float().requires_grad_()
    with torch.autocast(x.device.type, enabled=False):  # second derivatives in bfloat16 would be noise
        (gradient,) = torch.autograd.grad(D(x).sum(), x, create_graph=True)
    return gradient.flatten(1)


def r1_penalty(D: nn.Module, x_real: Tensor) -> Tensor:
    """E|grad_x D(x)|^2 over real images, a scalar (Mescheder et al. 2018, equation 9; multiply by gamma / 2).

    At the equilibrium D is flat where the data is; this penalty asks for that, and makes the game converge locally.
    """
    return _input_gradients(D, x_real).square().sum(1).mean()


def gradient_penalty(D: nn.Module, x_real: Tensor, x_fake: Tensor, rng: torch.Generator) -> Tensor:
    """E(|grad_x D(x)| - 1)^2 at random points between real and fake images (Gulrajani et al. 2017, section 4).

    x_real, x_fake (B, C, H, W) -> a scalar. Made for WGAN, whose critic must be 1-Lipschitz; on other losses it keeps
    D's slope near 1 (Fedus et al. 2018).
    """
    t = torch.rand(len(x_real), 1, 1, 1, generator=rng, device=x_real.device)
    between = x_real + t * (x_fake.detach().float() - x_real)
    return (_input_gradients(D, between).square().sum(1).add(1e-12).sqrt() - 1).square().mean()  # 1e-12: slope at 0


def spectral_norm(network: nn.Module) -> nn.Module:
    """Divide every Linear's and convolution's weight by its largest singular value, in place (Miyato et al. 2018).

    Estimated by one power iteration at each use in train mode. A D so limited has a bounded slope whatever it learns.
    """
    for layer in network.modules():
        if isinstance(layer, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
            nn.utils.parametrizations.spectral_norm(layer)
    return network


# --- what D sees -----------------------------------------------------------------------------------------------------


def _translate(x: Tensor, rng: torch.Generator) -> Tensor:
    """Shifted by up to an eighth of the side in each direction; zeros move in."""
    b, _, h, w = x.shape
    reach = max(1, round(h / 8))
    shift = torch.randint(0, 2 * reach + 1, (2, b, 1), generator=rng, device=x.device)
    rows = shift[0] + torch.arange(h, device=x.device)
    columns = shift[1] + torch.arange(w, device=x.device)
    image = torch.arange(b, device=x.device)[:, None, None]
    return F.pad(x, [reach] * 4)[image, :, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)


def _cutout(x: Tensor, rng: torch.Generator) -> Tensor:
    """A square of half the side set to zero, anywhere."""
    b, _, h, w = x.shape
    centre = torch.rand(2, b, 1, generator=rng, device=x.device)
    rows = (torch.arange(h, device=x.device) - centre[0] * h).abs() < h / 4
    columns = (torch.arange(w, device=x.device) - centre[1] * w).abs() < w / 4
    return x * ~(rows[:, :, None] & columns[:, None, :])[:, None]


def _colour(x: Tensor, rng: torch.Generator) -> Tensor:
    """Brightness within +-0.5, saturation within 0 to 2, contrast within 0.5 to 1.5, for each image its own."""
    draw = torch.rand(3, len(x), 1, 1, 1, generator=rng, device=x.device)
    x = x + draw[0] - 0.5
    grey = x.mean(1, keepdim=True)
    x = grey + (x - grey) * (2 * draw[1])
    middle = x.mean((1, 2, 3), keepdim=True)
    return middle + (x - middle) * (draw[2] + 0.5)


# Differentiable, drawn anew for each image, the same for real and fake (Zhao et al. 2020, DiffAugment).
AUGMENTATIONS = {"translation": _translate, "cutout": _cutout, "colour": _colour}


def flip(x_real: Tensor, rng: torch.Generator) -> Tensor:
    """Real images (B, C, H, W), each mirrored left to right with probability 1/2. For data whose mirror image is data.

    Data augmentation (the "x-flips" of Karras et al. 2020, "Training generative adversarial networks with limited
    data"), and no DiffAugment: it is for the real images alone. G then has to match the data and its mirror image, half
    each: twice the images. Shown both, real and fake, D could not tell a G that makes left-handed images only from one
    that makes both kinds, since mirrored with probability 1/2 they look the same (there, section 2.2: an augmentation
    leaks unless the distribution that it came from can be told).
    """
    mirrored = torch.rand(len(x_real), 1, 1, 1, generator=rng, device=x_real.device) < 0.5
    return torch.where(mirrored, x_real.flip(3), x_real)


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
