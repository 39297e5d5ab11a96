"""Mean and covariance of features in one pass, and the Fréchet distance of two Gaussians (Heusel et al. 2017)."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable

import torch
from torch import Tensor

from gancourse.data.images import Images
from gancourse.evaluation.image_batches import BATCH, EvaluationError, batches

_SAMPLES_PER_FEATURE = 4  # why 4: see Moments.result


class Moments:
    """Mean and covariance of features that come batch by batch, in float64, in constant memory.

    Batches are merged as in Chan, Golub and LeVeque, 1979, which loses no digits where E[f f'] - m m' would.
    """

    def __init__(self) -> None:
        self.n = 0
        self._mean, self._scatter = torch.zeros(0), torch.zeros(0)

    def add(self, f: Tensor) -> None:
        """Take in the features (B, F) of one batch."""
        f = f.detach().cpu().double()
        m = f.mean(0)
        centred = f - m
        if self.n == 0:
            self._mean, self._scatter = torch.zeros_like(m), torch.zeros(len(m), len(m), dtype=m.dtype)
        shift = m - self._mean
        self._scatter += centred.T @ centred + torch.outer(shift, shift) * (self.n * len(f) / (self.n + len(f)))
        self.n += len(f)
        self._mean += shift * (len(f) / self.n)

    def result(self, allow_few: bool = False) -> tuple[Tensor, Tensor]:
        """Mean (F,) and covariance (F, F).

        allow_few: go on, with a warning, where there are fewer than 4 F images. Below F + 1 the covariance is
            singular, and at 4 F the eigenvalues of a unit covariance still come out anywhere between (1 - 1/2)^2
            and (1 + 1/2)^2 (Marchenko and Pastur, 1967).

        Raises EvaluationError: too few images.
        """
        needed = _SAMPLES_PER_FEATURE * len(self._mean)
        if self.n < max(needed, 2):
            few = f"{self.n} images are too few for the covariance of {len(self._mean)} features: it needs at least "
            few += f"{needed:,}"
            if not allow_few or self.n < 2:
                raise EvaluationError(f"{few}. Take more, or allow_few=True: the distance comes out too large.")
            warnings.warn(f"{few}; the distance comes out too large.", stacklevel=3)
        return self._mean, self._scatter / (self.n - 1)


def feature_statistics(
    images: Images | Tensor | Iterable[Tensor],
    extractor: Callable[[Tensor], Tensor],
    batch_size: int = BATCH,
    allow_few: bool = False,
) -> tuple[Tensor, Tensor]:
    """Mean (F,) and covariance (F, F) of the images' features, in float64, one pass and constant memory.

    images: Images; a float tensor (N, C, H, W) in [-1, 1]; or an iterable of such batches, each used once.
    extractor: images (B, C, H, W) -> features (B, F) on the images' device; `classifier().features`, for one.
    batch_size: images per call of the extractor, at most (an iterable's batches are taken as they come).
    allow_few: as in `Moments.result`.

    Raises EvaluationError: too few images; values outside [-1, 1] or not finite; a wrong type or shape.
    """
    moments = Moments()
    with torch.no_grad():
        for x in batches(images, batch_size):
            f = extractor(x)
            if f.ndim != 2 or len(f) != len(x):
                raise EvaluationError(f"the extractor gave shape {tuple(f.shape)}, expected ({len(x)}, F).")
            moments.add(f)
    return moments.result(allow_few)


def frechet_distance(mean1: Tensor, cov1: Tensor, mean2: Tensor, cov2: Tensor) -> float:
    """The squared Fréchet (2-Wasserstein) distance of two Gaussians, in float64; 0 where they are equal.

        |m1 - m2|^2 + tr(S1) + tr(S2) - 2 tr((S1^1/2 S2 S1^1/2)^1/2)

    mean1, mean2: (F,). cov1, cov2: (F, F), symmetric, positive semi-definite; singular ones are fine, since
    both roots come from symmetric eigenvalue problems.
    Raises EvaluationError: shapes differ, or a number is not finite.
    Source: Dowson and Landau, 1982; as a score of generators, Heusel et al., 2017, equation 6.
    """
    n, shapes = mean1.numel(), [tuple(t.shape) for t in (mean1, cov1, mean2, cov2)]
    if shapes != [(n,), (n, n)] * 2:
        raise EvaluationError(f"means and covariances have shapes {shapes}, expected (F,) and (F, F), twice.")
    m1, s1, m2, s2 = (t.detach().cpu().double() for t in (mean1, cov1, mean2, cov2))
    if not all(bool(t.isfinite().all()) for t in (m1, s1, m2, s2)):
        raise EvaluationError("a mean or covariance holds a number that is not finite; were the features NaN?")
    values, vectors = torch.linalg.eigh(s1)
    root = (vectors * values.clamp(min=0).sqrt()) @ vectors.T
    cross = torch.linalg.eigvalsh(root @ s2 @ root).clamp(min=0).sqrt().sum()
    distance = (m1 - m2).square().sum() + s1.trace() + s2.trace() - 2 * cross
    return max(0.0, distance.item())  # rounding can leave some -1e-13
