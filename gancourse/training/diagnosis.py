"""Why a GAN does not learn: what its two networks say, measured at one moment of a run."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from gancourse.models.base import eval_mode
from gancourse.training.losses import non_saturating_loss, wide

_HIDDEN = (nn.ReLU, nn.LeakyReLU)


@torch.no_grad()
def silent_units(network: nn.Module, x: Tensor) -> float:
    """The share, in [0, 1], of hidden units whose input is negative (or 0) for every one of these x.

    x: what the network takes, (B, ...). A unit is one output of a layer before a ReLU or LeakyReLU; a channel of a
    convolution counts as one, silent if it is so at every place. Under ReLU such a unit is dead: it gives 0, and no
    gradient comes back through it. Under LeakyReLU it still passes a fifth. Raises ValueError for a network without
    either.
    """
    awake: list[Tensor] = []

    def listen(module: nn.Module, inputs: tuple[Any, ...]) -> None:
        awake.append((inputs[0].transpose(0, 1).flatten(1) > 0).any(1))

    handles = [layer.register_forward_pre_hook(listen) for layer in network.modules() if isinstance(layer, _HIDDEN)]
    try:
        network(x)
    finally:
        for handle in handles:
            handle.remove()
    if not awake:
        raise ValueError(f"{type(network).__name__} has no ReLU or LeakyReLU, so it has no units to count.")
    return 1 - torch.cat(awake).float().mean().item()


def gradient_at_output(G: nn.Module, D: nn.Module, z: Tensor) -> float:
    """How strongly G's loss pulls on one generated image: the mean over z (B, 100) of |d(-log D(x)) / dx| at x = G(z).

    All that G learns comes through this gradient.
    """
    x = G(z).detach().requires_grad_()
    (gradient,) = torch.autograd.grad(non_saturating_loss(wide(D(x))) * len(x), x)
    return gradient.flatten(1).norm(dim=1).mean().item()


@torch.no_grad()
def spread(images: Tensor) -> float:
    """The mean distance between two of the images (B, C, H, W), in their own units: near 0 where all are the same."""
    return torch.pdist(images.flatten(1).float()).mean().item()


def diagnose(G: nn.Module, D: nn.Module, x_real: Tensor, z: Tensor) -> dict[str, float]:
    """A run at this moment, in eval mode, in numbers.

    x_real: real images (B, C, H, W) in [-1, 1]; z: (B, 100). Returns logit_real and logit_fake (D's mean logits; D(x)
    is their sigmoid), grad_at_output, silent_g and silent_d (shares of hidden units), and spread (of the fakes, as a
    share of the real images' spread).
    """
    with eval_mode(G, D):
        with torch.no_grad():
            x_fake = G(z)
            logit_real, logit_fake = D(x_real).mean().item(), D(x_fake).mean().item()
        return {
            "logit_real": logit_real,
            "logit_fake": logit_fake,
            "grad_at_output": gradient_at_output(G, D, z),
            "silent_g": silent_units(G, z),
            "silent_d": silent_units(D, torch.cat([x_real, x_fake])),
            "spread": spread(x_fake) / spread(x_real),
        }
