"""The GAN losses, always on logits s = log D(x) - log(1 - D(x)), in float32 at least.

With the sigmoid sigma, -log sigma(s) = softplus(-s) and -log(1 - sigma(s)) = softplus(s). Written so, no loss can
reach log 0, and none loses its gradient to rounding (the losses of Goodfellow et al. 2014). Every loss takes logits of
shape (B,) and returns a scalar, a mean over the batch.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from torch import Tensor
from torch.nn.functional import softplus

from gancourse.models.base import wide as wide  # logits are used so everywhere in this room


def discriminator_loss(real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    """-E[log D(x)] - E[log(1 - D(G(z)))], which D minimises: minus the value V(D, G) (Goodfellow et al. 2014, eq. 1).

    Both logits (B,) -> a scalar. 2 ln 2 = 1.386 for a D that answers 1/2 everywhere.
    """
    return softplus(-wide(real_logits)).mean() + softplus(wide(fake_logits)).mean()


def saturating_loss(fake_logits: Tensor) -> Tensor:
    """E[log(1 - D(G(z)))], which G minimises in the minimax game (Goodfellow et al. 2014, eq. 1 and Algorithm 1).

    Logits (B,) -> a scalar. Its gradient with respect to a logit is -D(G(z)): it vanishes when D is sure that the
    sample is fake. -ln 2 = -0.693 at D = 1/2.
    """
    return -softplus(wide(fake_logits)).mean()


def non_saturating_loss(fake_logits: Tensor) -> Tensor:
    """-E[log D(G(z))], which G minimises in practice (Goodfellow et al. 2014, section 3; P1, section 1.5).

    Logits (B,) -> a scalar. Its gradient with respect to a logit is -(1 - D(G(z))): strongest when D is sure that the
    sample is fake. ln 2 = 0.693 at D = 1/2.
    """
    return softplus(-wide(fake_logits)).mean()


@dataclass(frozen=True)
class LossPair:
    """The losses of D and G that belong together, and what figures mark: each where D answers 1/2 everywhere.

    discriminator: (real logits (B,), fake logits (B,)) -> scalar. generator: fake logits (B,) -> scalar.
    marks: statistic -> (its value at the equilibrium, what to call that) (Goodfellow et al. 2014, section 4.1).
    """

    discriminator: Callable[[Tensor, Tensor], Tensor]
    generator: Callable[[Tensor], Tensor]
    marks: Mapping[str, tuple[float, str]]


_HALF = {name: (0.5, "1/2") for name in ("d_real", "d_fake_before", "d_fake_after")}
_BEST_D = (2 * math.log(2), "2 ln 2")
LOSSES = {
    "non_saturating": LossPair(
        discriminator_loss, non_saturating_loss, {"loss_d": _BEST_D, "loss_g": (math.log(2), "ln 2"), **_HALF}
    ),
    "saturating": LossPair(
        discriminator_loss, saturating_loss, {"loss_d": _BEST_D, "loss_g": (-math.log(2), "−ln 2"), **_HALF}
    ),
}
