"""Inversion: from an image back to a z that makes it."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from gancourse.latent.generating import LatentError, checked, z_size
from gancourse.latent.geometry import sample
from gancourse.models.base import eval_mode


class Inversion(NamedTuple):
    """z (n, z_size): the best of all restarts for each image. error (n,): its mean squared error in pixels.

    errors (restarts, n): of each restart, at its end. history (steps + 1, restarts, n): on the way.
    """

    z: Tensor
    error: Tensor
    errors: Tensor
    history: Tensor


def invert(
    G: nn.Module,
    images: Tensor,
    restarts: int = 8,
    steps: int = 200,
    prior: float = 1e-3,
    seed: int = 0,
) -> Inversion:
    """The z whose images are closest to the given ones, by gradient descent from several random starts.

    Minimises |G(z) - x|^2 / pixels + prior |z|^2 / z_size with Adam and a learning rate that falls from 0.1 to 0 as a
    cosine. The problem has many local minima, hence the restarts, the same for each image; all run in one batch. G
    keeps its weights and its mode.

    images: (n, C, H, W) in [-1, 1], as G makes them.
    prior: how much a z far from the origin costs; 0 lets z go where G was never trained. The errors leave it out.
    Raises LatentError: images of another shape than G's; no restarts or steps; a G that gives NaN.
    """
    if restarts < 1 or steps < 1:
        raise LatentError(f"restarts is {restarts}, steps is {steps}, expected at least 1 of each.")
    device = next((p.device for p in G.parameters()), torch.device("cpu"))
    d, n = z_size(G), len(images)
    z = sample(restarts, d, seed).repeat_interleave(n, 0).to(device).requires_grad_(True)
    target = images.to(device).float().repeat(restarts, 1, 1, 1)
    optimiser = torch.optim.Adam([z], lr=0.1, betas=(0.9, 0.99))
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    history = []
    with eval_mode(G), torch.enable_grad():
        for _ in range(steps):
            x = _images(G, z, target)
            error = (x - target).square().mean((1, 2, 3))
            history.append(error.detach())
            # The sum, so that no image's z depends on how many others there are
            loss = error.sum() + prior * z.square().mean(1).sum()
            (z.grad,) = torch.autograd.grad(loss, z)  # the weights' gradients are not computed
            optimiser.step()
            schedule.step()
        with torch.no_grad():
            history.append((_images(G, z, target) - target).square().mean((1, 2, 3)))
    table = torch.stack(history).cpu().view(steps + 1, restarts, n)
    best = table[-1].argmin(0)
    found = z.detach().cpu().view(restarts, n, d)[best, torch.arange(n)]
    return Inversion(found, table[-1][best, torch.arange(n)], table[-1], table)


def _images(G: nn.Module, z: Tensor, target: Tensor) -> Tensor:
    x: Tensor = G(z)
    checked(x, len(z))
    if x.shape != target.shape:
        (c, h, w), own = x.shape[1:], tuple(target.shape[1:])
        remedy = "x" if own[1:] == (h, w) else f"torch.nn.functional.interpolate(x, ({h}, {w}), mode='area')"
        if own[0] != c:
            remedy += ".mean(1, keepdim=True)" if c == 1 else ".expand(-1, 3, -1, -1)" if own[0] == 1 else f"[:, :{c}]"
        raise LatentError(f"the images have shape {own}, G's have {(c, h, w)}: resize them first: {remedy}.")
    return x.float()
