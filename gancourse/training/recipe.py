"""A recipe: what the years after 2014 added to Algorithm 1, as settings, and what D gets to see under them.

`training.algorithms.minimax` runs a round with a recipe; with the default `Recipe()` that is Algorithm 1, bit for bit.
The terms themselves are in `training.penalties` and `training.augment`. The averaged generator (EMA) is a setting of
every run: Config(ema_half_life=...).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from gancourse.training.augment import AUGMENTATIONS, augmented
from gancourse.training.processes import ALONE, Share
from gancourse.training.settings import amount, check, falling, number, own_rate, part_of_batch, setting, switch, whole

_WORDS = (*AUGMENTATIONS, "flip")


@dataclass(frozen=True)
class Recipe:
    """What a round does beyond Algorithm 1. The defaults add nothing.

    Raises ValueError for a value out of range, naming it.
    """

    lr_d: float | None = own_rate("D")
    lr_g: float | None = own_rate("G")
    decay: bool = falling()
    real_target: float = setting(
        1.0,
        "what D is taught to answer for real images: 0.9 is one-sided label smoothing",
        number(lambda v: 0.5 < v <= 1),
        "above 0.5 and at most 1, such as 0.9",
        kind=float,
    )
    noise: float = amount("standard deviation of the noise on all that D sees, in the first epoch")
    noise_epochs: int = setting(
        0,
        "the noise falls linearly to 0 over so many epochs; 0: it stays",
        whole(0),
        "0 (none) or a positive number",
        kind=int,
    )
    r1: float = amount("gamma of the R1 penalty, gamma/2 E|grad D(x)|^2 on real images")
    r1_share: float = part_of_batch("of a batch's real images that R1 is computed on: the same on average, and cheaper")
    gradient_penalty: float = amount("weight of E(|grad D| - 1)^2 between real and fake images")
    fade: int = setting(
        0,
        "images over which the new block of a grown D fades in; 0: it is there at once",
        whole(0),
        "0 or a number of images",
        kind=int,
    )
    mixed: bool = setting(
        False, "real and fake images in one batch of D, which its BatchNorm then sees together", switch, "True or False"
    )
    augment: tuple[str, ...] = setting(
        (),
        f"flip (real images alone) and DiffAugment on all that D sees: {', '.join(AUGMENTATIONS)}",
        lambda v: all(name in _WORDS for name in v),
        f"some of {', '.join(_WORDS)}",
        choices=_WORDS,
        many="+",
    )

    def __post_init__(self) -> None:
        object.__setattr__(self, "augment", tuple(self.augment))
        if unknown := [name for name in self.augment if name not in _WORDS]:
            raise ValueError(f"augment has {unknown[0]!r}, expected some of {', '.join(_WORDS)}.")
        check(self)


def view(x: Tensor, recipe: Recipe, rng: torch.Generator, share: Share = ALONE) -> Tensor:
    """What D gets to see of images x (B, C, H, W), real or fake: augmented, then with noise. x itself, where neither.

    D must tell p * noise from p_g * noise, two densities that overlap however thin the sheet is on which G's images
    lie (Sønderby et al. 2017; Arjovsky and Bottou 2017). G is never trained to make the noise: gradients pass through.
    share: draw for all processes and take this one's part (see training.processes).
    """
    x = augmented(x, recipe.augment, rng, share)
    if recipe.noise:
        rank, processes = share
        every = torch.randn(len(x) * processes, *x.shape[1:], generator=rng, device=x.device)
        x = x + recipe.noise * every[rank::processes]
    return x
