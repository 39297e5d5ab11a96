"""BatchNorm's statistics of a generator, made anew from many z.

An averaged generator has the running statistics of the generator that it is an average of. Those are an average over a
few batches, of other weights: the faster G changes, the less they fit.
"""

from __future__ import annotations

import torch
from torch import nn

STATISTICS = ("running_mean", "running_var", "num_batches_tracked")


@torch.no_grad()
def renew(G: nn.Module, batches: int = 20, size: int = 100) -> None:
    """BatchNorm's means and variances of G, in place, over `batches` batches of z (size, 100), seed 1; G in eval mode.

    "Standing statistics" (Brock et al. 2019): every batch counts alike.
    """
    norms = [layer for layer in G.modules() if isinstance(layer, nn.BatchNorm2d)]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # a plain mean
    rng = torch.Generator().manual_seed(1)
    G.train()
    for _ in range(batches):
        G(torch.randn(size, 100, generator=rng))
    G.eval()
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
