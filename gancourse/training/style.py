"""What StyleGAN is trained with, as settings, and the terms that are its own: lazy penalties and path length.

`training.algorithms.stylegan` runs a round with a `StyleRecipe`; lesson 11 writes one by hand.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from gancourse.training.augment import augmenting
from gancourse.training.settings import amount, check, number, own_rate, setting, whole

_MARKS = {
    "loss_d": (2 * math.log(2), "2 ln 2"),
    "loss_g": (math.log(2), "ln 2"),
    "d_real": (0.5, "1/2"),
    "d_fake": (0.5, "1/2"),
}


def _every(default: int, about: str) -> Any:
    """A field: a number of rounds between two of something."""
    return setting(default, about, whole(1), "a whole number of at least 1; 1 for every round", kind=int)


def _share(default: float, about: str) -> Any:
    """A field: a number from 0 to 1."""
    return setting(default, about, number(lambda v: 0 <= v <= 1), "a number from 0 to 1", kind=float)


@dataclass(frozen=True)
class StyleRecipe:
    """How StyleGAN is trained (Karras et al. 2020, appendix B).

    The defaults are the paper's, but for the path length penalty, which has weight 2 there, and for `r1`, whose rule is
    that of StyleGAN2-ADA's code. Rates and betas are those of the run's `Config`; the paper's are lr 0.002 and betas
    (0, 0.99), and its batch is 32.
    Raises ValueError for a value out of range, naming it.
    """

    r1: float | None = setting(
        None,
        "gamma of the R1 penalty, gamma/2 E|grad D(x)|^2; 0.0002 size^2 / batch by default, as in StyleGAN2-ADA's code",
        lambda v: v is None or number(lambda gamma: gamma >= 0)(v),
        "0 (none), a positive number such as 0.03, or None",
        kind=float,
    )
    r1_every: int = _every(16, "rounds from one R1 penalty to the next, which counts as many times")
    path_length: float = amount("weight of the path length penalty; the paper's is 2", such_as="2")
    path_every: int = _every(4, "rounds from one path length penalty to the next, which counts as many times")
    mixing: float = _share(0.9, "of the images, those whose later layers get the w of another z")
    w_decay: float = _share(0.995, "what the running mean of w keeps, from round to round")
    augment: tuple[str, ...] = augmenting()
    fade: int = setting(
        0,
        "images over which the new block of a grown D fades in; 0: it is there at once",
        whole(0),
        "0 or a number of images",
        kind=int,
    )
    lr_d: float | None = own_rate("D")
    lr_g: float | None = own_rate("G")

    def __post_init__(self) -> None:
        object.__setattr__(self, "augment", tuple(self.augment))
        check(self)

    def gamma(self, size: int, batch: int) -> float:
        """`r1`, or what StyleGAN2-ADA's code takes for images of `size` pixels a side in batches of `batch`."""
        return 2e-4 * size**2 / batch if self.r1 is None else self.r1

    def marks(self) -> Mapping[str, tuple[float, str]]:
        """Where D answers 1/2 everywhere."""
        return _MARKS


def lazy(lr: float, betas: tuple[float, float], every: int) -> tuple[float, tuple[float, float]]:
    """Adam's rate and betas where one step in every + 1 is a penalty's own (Karras et al. 2020, appendix B).

    k rounds then make k + 1 steps, with rate lr k / (k + 1) and betas to the power k / (k + 1): in all as far, and
    forgotten as fast, as by k steps with the penalty in each.
    """
    c = every / (every + 1)
    return lr * c, (betas[0] ** c, betas[1] ** c)


def crossed(w: Tensor, other: Tensor, first: Tensor, n_styles: int) -> Tensor:
    """Style mixing: one w a layer, of image i those of `other` from layer first[i] on (Karras et al. 2019, 3.1).

    w, other (B, w_size); first (B,) int64, n_styles where nothing is mixed -> (B, n_styles, w_size).
    """
    later = torch.arange(n_styles, device=w.device) >= first[:, None]
    return torch.where(later[:, :, None], other[:, None], w[:, None])


def path_lengths(
    synthesis: Callable[[Tensor, Sequence[Tensor]], Tensor], w: Tensor, noise: Sequence[Tensor], y: Tensor
) -> Tensor:
    """|J^T y| of each image, J the derivative of the image by w: (B,), itself differentiable.

    w (B, n_styles, w_size), with a graph or without; y (B, 3, H, W) ~ N(0, 1) / sqrt(H W), so that the length does not
    depend on the size. Squares are summed over w and averaged over layers (Karras et al. 2020, equation 4; its code).
    """
    if not w.requires_grad:
        w = w.detach().requires_grad_()
    x = synthesis(w, noise)
    (gradient,) = torch.autograd.grad((x * y).sum(), w, create_graph=True)
    return gradient.square().sum(2).mean(1).sqrt()
