"""BatchNorm's statistics of a generator, made anew from many z.

An averaged generator has the running statistics of the generator that it is an average of. Those are an average over a
few batches, of other weights: the faster G changes, the less they fit.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.optim.swa_utils import update_bn

from gancourse.models.base import Generator

STATISTICS = ("running_mean", "running_var", "num_batches_tracked")
BATCHES, SIZE = 20, 100


def renewed(G: Generator) -> dict[str, Tensor]:
    """BatchNorm's means and variances of G over 2,000 z (2,000, z_size) of seed 1: set in place, and returned by name.

    "Standing statistics" (Brock et al. 2019): every batch counts alike. G ends in eval mode.
    """
    rng = torch.Generator().manual_seed(1)
    update_bn((torch.randn(SIZE, G.z_size, generator=rng) for _ in range(BATCHES)), G)
    G.eval()
    return {name: value.clone() for name, value in G.state_dict().items() if name.endswith(STATISTICS)}
