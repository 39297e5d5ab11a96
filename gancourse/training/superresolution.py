"""What enlargers are trained with, as settings, and what "like the truth" means: pixels, or what a network sees.

`training.algorithms.srgan` runs a round with them; lesson 10 writes it by hand.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from gancourse.data.degraded import CropPairs, enlarge_bicubic, shrink
from gancourse.models.features import clamped
from gancourse.training.settings import check, choice, number, setting, switch

CONTENTS = ("features", "pixels", "random")
Features = Callable[[Tensor], Sequence[Tensor]]
Content = Callable[[Tensor, Tensor], Tensor]
_STAYS = "--constant-rate"
_CHURCHES, _SIZE = 32, 256  # that a network's maps are weighed with


def _weight(default: float, about: str) -> Any:
    """A field: the weight of a term, 0 to leave it out."""
    return setting(default, about, number(lambda v: v >= 0), "0 (none) or a positive number such as 1e-3", kind=float)


@dataclass(frozen=True)
class SRRecipe:
    """The terms of G's loss (Ledig et al. 2017, equations 3 to 6). The defaults are the paper's, but for the network.

    G minimises weight content + pixels MSE + adversarial softplus(-D(G)). The paper's network is VGG19; `features` are
    those of `models.features.borrowed_features`, "random" those of its twin that has learned nothing.
    Raises ValueError for a value out of range, and where no term is left.
    """

    content: str = choice("features", "what G's picture and the truth are compared by", CONTENTS)
    weight: float = _weight(1.0, "weight of the content term")
    pixels: float = _weight(0.0, "weight of the pixels' mean squared error beside it")
    adversarial: float = _weight(1e-3, "weight of what D says of G's picture; 0: there is no D's step")
    decay: bool = setting(
        True, "the rates stay; else they fall to a tenth at half of the epochs", switch, "True or False", option=_STAYS
    )

    def __post_init__(self) -> None:
        check(self)
        if not self.weight and not self.pixels and not self.adversarial:
            raise ValueError("weight, pixels and adversarial are all 0: nothing would teach G; give one a weight.")

    def marks(self) -> Mapping[str, tuple[float, str]]:
        """Where D answers 1/2 everywhere."""
        if not self.adversarial:
            return {}
        return {"loss_d": (2 * math.log(2), "2 ln 2"), "d_real": (0.5, "1/2"), "d_fake": (0.5, "1/2")}


def pixel_loss(fake: Tensor, real: Tensor) -> Tensor:
    """The mean squared error of pixels, both (B, 3, H, W) in [-1, 1] -> a scalar (Ledig et al. 2017, equation 4)."""
    return F.mse_loss(fake.float(), real.float())


class FeatureLoss:
    """(fake, real), both (B, 3, H, W) in [-1, 1] -> a scalar: mean squared errors of a network's maps, weighed.

    (Ledig et al. 2017, equation 5, with several maps.) network: pictures -> maps (B, C, h, w). factors: one a map; the
    loss is the mean over the maps of factor x mean squared error. The gradient reaches fake alone. A fake whose pixels
    lie outside [-1, 1] is shown clamped, since such networks know no other pictures; the gradient passes as if it were
    not, so that a pixel that is too bright is still pulled back.
    """

    def __init__(self, network: Features, factors: Sequence[float]) -> None:
        self.network, self.factors = network, tuple(factors)

    def __call__(self, fake: Tensor, real: Tensor) -> Tensor:
        with torch.autocast(fake.device.type, enabled=False):  # on CPUs such networks are not quicker in bfloat16
            with torch.no_grad():
                wanted = self.network(real)
            pairs = zip(self.network(clamped(fake)), wanted, self.factors, strict=True)
            return torch.stack([factor * F.mse_loss(a, b) for a, b, factor in pairs]).mean()


@torch.no_grad()
def factors_of(network: Features, hr: Tensor, scale: int = 4) -> tuple[float, ...]:
    """The factor of each map with which bicubic enlargements cost as much as they do in pixels.

    hr: pictures (N, 3, H, W) in [-1, 1], made smaller and enlarged here. With these, "features", "random" and "pixels"
    start at the same scale, and one adversarial weight means the same beside all of them. (The paper's factor for
    VGG19's maps, 1/12.75^2 = .006, has the same purpose.)
    """
    bicubic = enlarge_bicubic(shrink(hr, scale), scale)
    cost = pixel_loss(bicubic, hr)
    return tuple(float(cost / F.mse_loss(a, b)) for a, b in zip(network(bicubic), network(hr), strict=True))


def content_loss(kind: str, features: Features | None = None, device: torch.device | str = "cpu") -> Content:
    """(fake, real), both (B, 3, H, W) in [-1, 1] -> a scalar. kind: one of CONTENTS.

    features: a network in place of the one that `kind` names, which is made on `device`. Its maps are weighed by
    `factors_of`, with the middles of 32 procedural churches of 256 pixels, 64 pixels each. Raises ValueError for
    another kind, and what `borrowed_features` raises where the network's weights are not there.
    """
    if kind not in CONTENTS:
        raise ValueError(f"content is {kind!r}, expected one of {', '.join(CONTENTS)}.")
    if kind == "pixels":
        return pixel_loss
    if features is None:
        from gancourse.models.features import borrowed_features, random_features

        features = borrowed_features(device) if kind == "features" else random_features(0, device)
    from gancourse.data.churches import procedural_churches

    _, hr = CropPairs(procedural_churches(_CHURCHES, _SIZE)[0]).middles(_CHURCHES)
    return FeatureLoss(features, factors_of(features, hr.to(device)))
