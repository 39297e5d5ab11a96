"""Terms that are added to D's loss, or change D itself: smoothing, R1, gradient penalty, spectral norm."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

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


def gradient_penalty(
    D: nn.Module, x_real: Tensor, x_fake: Tensor, rng: torch.Generator, share: Share = ALONE
) -> Tensor:
    """E(|grad_x D(x)| - 1)^2 at random points between real and fake images (Gulrajani et al. 2017, section 4).

    x_real, x_fake (B, C, H, W), or points (B, d) -> a scalar. Made for WGAN, whose critic must be 1-Lipschitz; on other
    losses it keeps D's slope near 1 (Fedus et al. 2018).
    """
    rank, processes = share
    one_each = (len(x_real) * processes, *[1] * (x_real.ndim - 1))
    t = torch.rand(one_each, generator=rng, device=x_real.device)[rank::processes]
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
