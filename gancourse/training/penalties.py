"""Terms that are added to D's loss: smoothing, R1, R2, gradient penalty; and spectral norm, which changes D itself."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from gancourse.models.spectral import spectral_norm as spectral_norm  # it is a network's affair, and used from here
from gancourse.training.losses import wide
from gancourse.training.processes import ALONE, Share


def smoothed_discriminator_loss(real_logits: Tensor, fake_logits: Tensor, real_target: float = 0.9) -> Tensor:
    """`losses.discriminator_loss` with the target `real_target` for real images (Salimans et al. 2016, section 3.4).

    -E[t log D(x) + (1 - t) log(1 - D(x))] - E[log(1 - D(G(z)))], a scalar, with t = real_target: logits (B,) that grow
    past log(t / (1 - t)) are punished, so that D stays unsure enough to teach. One-sided: fakes keep the target 0. With
    a target above 0 there, D's optimum would rise where p_g alone has mass, and hold bad samples in place.
    """
    real, fake = wide(real_logits), wide(fake_logits)
    on_real = F.softplus(-real) * real_target + (F.softplus(real) * (1 - real_target) if real_target < 1 else 0.0)
    return on_real.mean() + F.softplus(fake).mean()


def squared_slopes(D: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """|grad_x D(x)|^2 of D's output at each image x (B, C, H, W): (B,), in float32, itself differentiable.

    The norm is over all axes but the batch (Gulrajani et al. 2017, section 4): an image has one slope. That holds for
    a D without BatchNorm, whose output at an image depends on no other image of the batch.
    """
    x = x.detach().float().requires_grad_()
    with torch.autocast(x.device.type, enabled=False):  # second derivatives in bfloat16 would be noise
        (gradient,) = torch.autograd.grad(D(x).sum(), x, create_graph=True)
    return gradient.flatten(1).square().sum(1)


def r1_penalty(D: Callable[[Tensor], Tensor], x_real: Tensor) -> Tensor:
    """E|grad_x D(x)|^2 over real images, a scalar (Mescheder et al. 2018, equation 9; multiply by gamma / 2).

    At the equilibrium D is flat where the data is; this penalty asks for that, and makes the game converge locally.
    Over fake images it is R2 (there, equation 10).
    """
    return squared_slopes(D, x_real).mean()


def gradient_penalty(
    D: Callable[[Tensor], Tensor], x_real: Tensor, x_fake: Tensor, rng: torch.Generator, share: Share = ALONE
) -> Tensor:
    """E(|grad_x D(x)| - 1)^2 at random points between real and fake images (Gulrajani et al. 2017, section 4).

    x_real, x_fake (B, C, H, W), or points (B, d) -> a scalar. Made for WGAN, whose critic must be 1-Lipschitz; on other
    losses it keeps D's slope near 1 (Fedus et al. 2018).
    """
    return (slopes(D, between(x_real, x_fake, rng, share)) - 1).square().mean()


def between(x_real: Tensor, x_fake: Tensor, rng: torch.Generator, share: Share = ALONE) -> Tensor:
    """x + t (G(z) - x) with one t ~ U(0, 1) an image (Gulrajani et al. 2017, Algorithm 1): shape as x_real."""
    rank, processes = share
    one_each = (len(x_real) * processes, *[1] * (x_real.ndim - 1))
    t = torch.rand(one_each, generator=rng, device=x_real.device)[rank::processes]
    return x_real + t * (x_fake.detach().float() - x_real)


def slopes(D: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """|grad_x D(x)| at each image x (B, C, H, W): (B,), float32, differentiable (Gulrajani et al. 2017, section 4)."""
    return squared_slopes(D, x).add(1e-12).sqrt()  # 1e-12: the root has no slope at 0
