"""Scores of a generator, or of a set of images: classifier distance, classes, and all of them at once.

Sources: the Fréchet distance as a score, Heusel et al. 2017; classes counted by a classifier, Santurkar et al. 2018;
the others are named where they are computed.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import torch
from torch import Tensor

from gancourse.data.images import Images, some
from gancourse.data.mnist_digits import mnist
from gancourse.evaluation.features import Extractor, classifier_features
from gancourse.evaluation.image_batches import EvaluationError, Source, batches, device_of, take
from gancourse.evaluation.kernel import kernel_distance
from gancourse.evaluation.mnist_classifier import classifier
from gancourse.evaluation.neighbours import manifold_scores
from gancourse.evaluation.statistics import feature_statistics, frechet_distance
from gancourse.evaluation.summary import Summary, divergence_from_uniform, summarise, summary_of
from gancourse.models.base import eval_mode

QUICK = 2048  # samples of the score that a training run takes now and then


@cache
def _test_summary() -> Summary:
    return summary_of(mnist("test"), classifier_features())


def classifier_fid(source: Source, n: int | None = None, seed: int = 0, allow_few: bool = False) -> float:
    """The Fréchet distance, on the classifier's features, of `source` to MNIST's 10,000 test images.

    source: a generator, z (B, z_size) -> (B, 1, 28, 28) in [-1, 1], run in eval mode, which is restored; or
        images, as Images or as a float tensor (N, 1, 28, 28) in [-1, 1].
    n: how many images; None for 10,000 generated ones, or all that are given, of which n are drawn at random. Fewer
        give larger distances: compare at equal n only. The floor is what real images score:
        `classifier_fid(mnist("train"), n)`.
    seed: of the generator's z. allow_few: as in `feature_statistics`; here 256 images are asked for.

    This is not the FID of the literature, whose features are Inception's.
    Raises EvaluationError, ShapeError, WeightsError.
    """
    model = classifier(device_of(source))
    with eval_mode(source):
        mean, cov = feature_statistics(take(source, n, seed), model.features, allow_few=allow_few)
    real = _test_summary()
    return frechet_distance(mean, cov, real.mean, real.cov)


def quick_fid(G: torch.nn.Module) -> float:
    """`classifier_fid` from 2,048 samples: cheap enough for every few epochs, and on a scale of its own for that."""
    return classifier_fid(G, n=QUICK)


class ClassHistogram(NamedTuple):
    """counts: (10,) int64, images taken for each digit. kl: KL(share || uniform) in nats, 0 to log 10."""

    counts: Tensor
    kl: float


@torch.no_grad()
def class_histogram(source: Source, n: int | None = None) -> ClassHistogram:
    """How a generator, or a set of images, is spread over the ten digits; arguments as in `classifier_fid`.

    kl is 0 when all digits are equally frequent, log 10 = 2.303 nats when all images are of one digit.
    Raises EvaluationError, ShapeError, WeightsError.
    """
    model, counts = classifier(device_of(source)), torch.zeros(10, dtype=torch.int64)
    with eval_mode(source):
        for x in batches(take(source, n, seed=0)):
            counts += torch.bincount(model(x).argmax(1).cpu(), minlength=10)
    if not counts.sum():
        raise EvaluationError("there are no images to count; give at least one.")
    return ClassHistogram(counts, divergence_from_uniform(counts))


class Scores(NamedTuple):
    """Every score of one set of images against a real one; see the function of each name for its meaning.

    n: images. inception_score and kl are nan where the extractor knows no classes.
    """

    n: int
    fid: float
    kid: float
    kid_error: float
    inception_score: float
    precision: float
    recall: float
    density: float
    coverage: float
    kl: float


def evaluate(
    source: Source | Summary,
    real: Images | Summary | None = None,
    extractor: Extractor | None = None,
    n: int | None = None,
    seed: int = 0,
    allow_few: bool = False,
    progress: bool = False,
) -> Scores:
    """All scores of `source` against `real`, on the features of one extractor.

    source: a generator, or images, as in `classifier_fid`, of the real ones' shape; or a Summary of either.
    real: Images, whose summary is cached, or a Summary; None for MNIST's test set.
    extractor: None for the MNIST classifier's features. n, seed, allow_few, progress: as in `summarise`.

    Distances between single images (precision, recall, density, coverage, KID) use at most 10,000 of each, and equally
    many of both, drawn at random from the larger set. Raises EvaluationError, ShapeError, WeightsError.
    """
    if extractor is None:
        extractor = classifier_features("cpu" if isinstance(source, Summary) else device_of(source))
    if real is None:
        theirs = summary_of(mnist("test"), extractor)
    else:
        theirs = real if isinstance(real, Summary) else summary_of(real, extractor, allow_few, progress)
    ours = source if isinstance(source, Summary) else summarise(source, extractor, n, seed, allow_few, progress)
    m = min(len(theirs.features), len(ours.features))
    a, b = (f.features[some(len(f.features), m)] for f in (theirs, ours))  # files have an order: see Images.sample
    kid, (pr, dc) = kernel_distance(a, b), manifold_scores(a, b)
    return Scores(
        n=ours.n,
        fid=frechet_distance(ours.mean, ours.cov, theirs.mean, theirs.cov),
        kid=kid.value,
        kid_error=kid.error,
        inception_score=ours.inception_score,
        precision=pr.precision,
        recall=pr.recall,
        density=dc.density,
        coverage=dc.coverage,
        kl=ours.kl,
    )
