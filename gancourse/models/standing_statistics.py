"""BatchNorm's statistics of a generator, made anew from many z.

An averaged generator has the running statistics of the generator that it is an average of. Those are an average over a
few batches, of other weights: the faster G changes, the less they fit.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.modules.batchnorm import _BatchNorm

from gancourse.models.base import Generator

STATISTICS = ("running_mean", "running_var", "num_batches_tracked")
BATCHES, SIZE = 20, 100


@torch.no_grad()
def renewed(G: Generator, cut: Callable[[Tensor], Tensor] = lambda z: z) -> dict[str, Tensor]:
    """BatchNorm's means and variances of G over 2,000 z (2,000, z_size) of seed 1: set in place, and returned by name.

    "Standing statistics" (Brock et al. 2019): every batch counts alike. A G that is told classes gets them in turn, as
    it does where nobody names one. cut: what is done to z (B, z_size) first: where images are made of truncated z, the
    statistics have to be of such too. G ends in eval mode; nothing else of it changes, spectral norm's estimates too.
    """
    rng, norms = torch.Generator().manual_seed(1), [part for part in G.eval().modules() if isinstance(part, _BatchNorm)]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.train().reset_running_stats()
        norm.momentum = None  # the mean over all batches
    try:
        for _ in range(BATCHES):
            G(cut(torch.randn(SIZE, G.z_size, generator=rng)))
    finally:
        for norm, momentum in zip(norms, momenta, strict=True):
            norm.momentum = momentum
        G.eval()
    return {name: value.clone() for name, value in G.state_dict().items() if name.endswith(STATISTICS)}
