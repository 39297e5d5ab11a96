"""A recipe: what the years after 2014 added to Algorithm 1, as settings, and what D gets to see under them.

`training.algorithms.minimax` runs a round with a recipe; with the default `Recipe()` that is Algorithm 1, bit for bit.
The terms themselves are in `training.penalties` and `training.augment`. The averaged generator (EMA) is a setting of
every run: Config(ema_half_life=...).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from gancourse.training.augment import AUGMENTATIONS
from gancourse.training.processes import ALONE, Share


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


def view(x: Tensor, recipe: Recipe, rng: torch.Generator, share: Share = ALONE) -> Tensor:
    """What D gets to see of images x (B, C, H, W), real or fake: augmented, then with noise. x itself, where neither.

    D must tell p * noise from p_g * noise, two densities that overlap however thin the sheet is on which G's images
    lie (Sønderby et al. 2017; Arjovsky and Bottou 2017). G is never trained to make the noise: gradients pass through.
    share: draw for all processes and take this one's part (see training.processes).
    """
    for name in recipe.augment:
        if name != "flip":
            x = AUGMENTATIONS[name](x, rng, share)
    if recipe.noise:
        rank, processes = share
        every = torch.randn(len(x) * processes, *x.shape[1:], generator=rng, device=x.device)
        x = x + recipe.noise * every[rank::processes]
    return x
