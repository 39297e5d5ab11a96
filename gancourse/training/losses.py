"""The GAN losses, always on logits s = log D(x) - log(1 - D(x)), in float32 at least.

With the sigmoid sigma, -log sigma(s) = softplus(-s) and -log(1 - sigma(s)) = softplus(s). Written so, no loss can
reach log 0, and none loses its gradient to rounding (the losses of Goodfellow et al. 2014). Every loss takes logits of
shape (B,) and returns a scalar, a mean over the batch.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import softplus


def wide(logits: Tensor) -> Tensor:
    """The logits, any shape, in at least float32: half types lose what softplus needs, float64 stays as it is."""
    return logits.to(torch.promote_types(logits.dtype, torch.float32))


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


GENERATOR_LOSSES = {"non_saturating": non_saturating_loss, "saturating": saturating_loss}
