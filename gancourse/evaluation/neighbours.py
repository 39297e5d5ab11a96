"""Scores from nearest neighbours: quality apart from variety, and whether training images were copied.

Sources: Kynkäänniemi et al. 2019 (precision, recall), Naeem et al. 2020 (density, coverage), Meehan et al. 2020
(copies).
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from gancourse.evaluation.distances import close_pairs, nearest
from gancourse.evaluation.kernel import check_features


class PrecisionRecall(NamedTuple):
    """precision: share of generated images among the real ones. recall: share of real ones among the generated."""

    precision: float
    recall: float


class DensityCoverage(NamedTuple):
    """density: how thickly real images surround the generated ones, 1 where both are alike. coverage: in [0, 1]."""

    density: float
    coverage: float


class Memorisation(NamedTuple):
    """Distances to the nearest training image, and what they say.

    z: standard score of the Mann-Whitney test of generated against unseen real images; below -3, generated images lie,
        taken together, nearer to the training set than unseen real ones do by chance. That is so for copies, and for
        anything that keeps to where real images are dense; and copies among images that are farther away escape it.
    share: of generated images that lie nearer to a training image than 99 % of the unseen real ones do; 0.01 is normal.
    nearest: (M,) int64, the index of the training image nearest to each generated one. distance: (M,) float64.
    share_error: the standard error of share where nothing was copied; 0.01 and three of them are the limit of chance.
    """

    z: float
    share: float
    nearest: Tensor
    distance: Tensor
    share_error: float


def precision_recall(real: Tensor, fake: Tensor, k: int = 3) -> PrecisionRecall:
    """Improved precision and recall of features (N, F) and (M, F).

    A set's manifold is the union of balls round its points, each reaching to the k-th nearest other point of the set.
    precision: share of fake points inside the real manifold; recall: share of real points inside the fake one. Both
    depend on the numbers of images: take as many of each, and compare at equal numbers.
    Source: Kynkäänniemi et al., 2019, equations 1 and 2 (k = 3 there).
    Raises EvaluationError: other shapes, or fewer than k + 1 images in a set.
    """
    return manifold_scores(real, fake, k, k)[0]


def density_coverage(real: Tensor, fake: Tensor, k: int = 5) -> DensityCoverage:
    """Density and coverage of features (N, F) and (M, F).

    density: in how many real balls (as in `precision_recall`) a fake point lies on average, over k: one outlier among
    the real images, whose ball is huge, counts once, not for all. coverage: share of real balls that hold a fake point.
    Source: Naeem et al., 2020, equations 5 and 6 (k = 5 there).
    Raises EvaluationError: other shapes, or fewer than k + 1 images in a set.
    """
    return manifold_scores(real, fake, k, k)[1]


def manifold_scores(
    real: Tensor, fake: Tensor, k_precision: int = 3, k_density: int = 5
) -> tuple[PrecisionRecall, DensityCoverage]:
    """Both of the above from one pass over all pairs. Raises as they do."""
    check_features(real, fake, max(k_precision, k_density) + 1)
    reach, wide = radii(real, k_precision, k_density).T
    reach_fake = radii(fake, k_precision)[:, 0]
    precise, inside = torch.zeros(len(fake), dtype=torch.bool), 0
    recalled, covered = torch.zeros(2, len(real), dtype=torch.bool)
    for i, j, d in close_pairs(fake, real, reach_fake, torch.maximum(reach, wide)):
        precise[i[d <= reach[j]]] = True
        recalled[j[d <= reach_fake[i]]] = True
        held = j[d <= wide[j]]
        inside += len(held)
        covered[held] = True
    return (
        PrecisionRecall(_share(precise), _share(recalled)),
        DensityCoverage(inside / (k_density * len(fake)), _share(covered)),
    )


def memorisation(train: Tensor, unseen: Tensor, fake: Tensor) -> Memorisation:
    """Has the generator copied its training images? From features, or flattened pixels, of three sets.

    train (N, F): what it was trained on. unseen (U, F): real images that it never saw. fake (M, F): its own.
    A model that has learned the distribution makes images as far from the training set as unseen real ones are; one
    that has memorised makes nearer ones. Blurred images lie near everything in pixel space, so prefer features.
    Source: Meehan, Chaudhuri and Dasgupta, 2020, section 3 (there per cell of the data; here over all of it).
    Raises EvaluationError: other shapes, or fewer than 20 images in a set.
    """
    check_features(train, fake, 20)
    check_features(train, unseen, 20)
    (a, nearest), (b, _) = nearest_neighbours(fake, train), nearest_neighbours(unseen, train)
    error = (0.01 * 0.99 * (1 / len(a) + 1 / len(b))) ** 0.5  # of a share, and of the quantile that it is taken below
    return Memorisation(_mann_whitney(a, b), _share(a < b.quantile(0.01)), nearest, a, error)


def nearest_neighbours(points: Tensor, among: Tensor) -> tuple[Tensor, Tensor]:
    """For each of (M, F) points the distance to the nearest of (N, F), (M,) float64, and its index, (M,) int64."""
    check_features(among, points, 1)
    distance, index = nearest(points, among, 1)
    return distance[:, 0], index[:, 0]


def radii(features: Tensor, *ks: int) -> Tensor:
    """Distances from each of (N, F) points to its k-th nearest other point, (N, len(ks)) float64."""
    # places are counted from 0, and a point is its own nearest neighbour: the k-th other one stands at place k
    return nearest(features, features, max(ks) + 1)[0][:, list(ks)]


def _mann_whitney(a: Tensor, b: Tensor) -> float:
    """Standard score of the number of pairs in which an element of `a` is larger; ties count half."""
    n, m = len(a), len(b)
    order = b.sort().values
    larger = torch.searchsorted(order, a).double() + torch.searchsorted(order, a, right=True).double()
    return ((larger.sum() / 2 - n * m / 2) / (n * m * (n + m + 1) / 12) ** 0.5).item()


def _share(hits: Tensor) -> float:
    return hits.double().mean().item()
