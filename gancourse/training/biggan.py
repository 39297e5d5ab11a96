"""What BigGAN is trained with, as settings, and the penalty that is its own.

`training.algorithms.biggan` runs a round with a `BigGANRecipe`; lesson 12 writes one by hand.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from gancourse.models.equalised import no_autocast
from gancourse.training.settings import check, number, own_rate, setting


@dataclass(frozen=True)
class BigGANRecipe:
    """How BigGAN is trained (Brock et al. 2019, section 3 and appendix C).

    The number of D's steps for one of G's, the rate of both, betas and the average of G are those of the run's
    `Config`; the paper's are k 2, betas (0, 0.999), lr_g 5e-5 and lr_d 2e-4, with batches of 2,048.
    Raises ValueError for a value out of range, naming it.
    """

    orthogonal: float = setting(
        1e-4,
        "weight of the penalty on products of different rows of G's weights; 0 for none",
        number(lambda v: v >= 0),
        "0 (none) or a positive number such as 1e-4",
        kind=float,
    )
    lr_d: float | None = own_rate("D")
    lr_g: float | None = own_rate("G")

    def __post_init__(self) -> None:
        check(self)


def orthogonal_penalty(network: nn.Module) -> Tensor:
    """The sum over layers of |W W^T, its diagonal set to 0|^2, a scalar (Brock et al. 2019, equation 3; its code).

    W (out, in) is the weight of a linear layer, or (out, in x h x w) of a convolution, as it is stored: before spectral
    normalisation divides it. Rows, one for each output, are asked to be orthogonal, and may be of any length.
    Embeddings are left out. In float32, also under autocast. The paper's code adds half of this one's gradient.

    Of a W with more rows than columns |W^T W|^2 is taken, which is |W W^T|^2 with less work; the diagonal comes off.
    """
    total = torch.zeros((), device=next(network.parameters()).device)
    with no_autocast(total.device.type):
        for layer in network.modules():
            if isinstance(layer, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
                w = _stored(layer).flatten(1)
                products = w.T @ w if len(w) > w.shape[1] else w @ w.T
                total = total + products.square().sum() - w.square().sum(1).square().sum()
    return total


def _stored(layer: Any) -> Tensor:
    """A layer's weight before spectral normalisation."""
    weight: Tensor = (
        layer.parametrizations.weight.original if parametrize.is_parametrized(layer, "weight") else layer.weight
    )
    return weight
