"""KID: how far apart two sets of features are, without assuming that they are Gaussian."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from gancourse.evaluation.image_batches import EvaluationError

_BLOCK, _BLOCKS = 1000, 10  # images of a block at most, blocks at least
_PART = 125  # of a block, whose products are taken at a time: 1 MB of them


class KernelDistance(NamedTuple):
    """value: the squared distance, right on average at any size, negative by chance. error: its standard error."""

    value: float
    error: float


def kernel_distance(real: Tensor, fake: Tensor, seed: int = 0) -> KernelDistance:
    """KID of features (N, F) and (M, F): the squared maximum mean discrepancy with the kernel (x.y / F + 1)^3.

    Both sets are shuffled (from `seed`) and cut into blocks of 1,000, or into ten smaller ones; each pair of blocks
    gives one unbiased estimate. value is their mean, error its standard error.
    Source: Binkowski et al., 2018, section 4; the unbiased estimate: Gretton et al., 2012, equation 3.
    Raises EvaluationError: other shapes, or fewer than 20 images in a set.
    """
    check_features(real, fake, 2 * _BLOCKS)
    rng = torch.Generator().manual_seed(seed)
    a, b = (f.detach().cpu().double()[torch.randperm(len(f), generator=rng)] for f in (real, fake))
    n = min(len(a), len(b))
    size = min(_BLOCK, n // _BLOCKS)
    estimates = torch.stack([_estimate(a[i : i + size], b[i : i + size]) for i in range(0, n // size * size, size)])
    return KernelDistance(estimates.mean().item(), (estimates.std() / len(estimates) ** 0.5).item())


def _estimate(a: Tensor, b: Tensor) -> Tensor:
    """One unbiased estimate from (B, F) and (B, F): a point is never compared with itself."""
    n = len(a)
    within = (_all_pairs(a) + _all_pairs(b)) / (n * (n - 1) / 2)
    return torch.as_tensor(within - 2 * sum(_kernels(x, b) for x in a.split(_PART)) / n**2)


def _all_pairs(x: Tensor) -> Tensor:
    """The sum of the kernel over all pairs of different points of (B, F), each pair once."""
    parts = x.split(_PART)
    others = sum((_kernels(part, x[i * _PART + len(part) :]) for i, part in enumerate(parts)), x.new_zeros(()))
    inside = sum(_kernels(part, part) for part in parts)
    itself = ((x.square().sum(1) / x.shape[1] + 1) ** 3).sum()
    return others + (inside - itself) / 2


def _kernels(a: Tensor, b: Tensor) -> Tensor:
    """The sum of (a.b / F + 1)^3 over all pairs of (A, F) and (B, F), which stays in a processor's cache."""
    y = torch.addmm(a.new_ones(1), a, b.T, alpha=1 / a.shape[1]).flatten()
    return torch.dot(y.square(), y)


def check_features(real: Tensor, fake: Tensor, fewest: int) -> None:
    """Raises EvaluationError unless both are (N, F) of the same F, finite, with at least `fewest` rows."""
    shapes = [tuple(f.shape) for f in (real, fake)]
    if any(f.ndim != 2 for f in (real, fake)) or real.shape[1:] != fake.shape[1:]:
        raise EvaluationError(f"features have shapes {shapes}, expected (N, F) and (M, F).")
    if min(len(real), len(fake)) < fewest:
        raise EvaluationError(f"there are {len(real)} and {len(fake)} images; at least {fewest} of each are needed.")
    if not all(bool(f.isfinite().all()) for f in (real, fake)):
        raise EvaluationError("a feature is not finite; did the images hold NaN?")
