"""Scores of a generator, or of a set of images."""

from __future__ import annotations

import math
from functools import cache
from typing import NamedTuple

import torch
from torch import Tensor

from gancourse.data import mnist
from gancourse.evaluation.inputs import BATCH, EvaluationError, Source, batches, device_of, eval_mode, take
from gancourse.evaluation.mnist_classifier import classifier
from gancourse.evaluation.statistics import cached_statistics, feature_statistics, frechet_distance


@cache
def _test_statistics() -> tuple[Tensor, Tensor]:
    return cached_statistics(mnist("test"), classifier())


def classifier_fid(source: Source, n: int | None = None, seed: int = 0, allow_few: bool = False) -> float:
    """The Fréchet distance, on the classifier's features, of `source` to MNIST's 10,000 test images.

    source: a generator, z (B, z_size) -> (B, 1, 28, 28) in [-1, 1], run in eval mode, which is restored; or
        images, as Images or as a float tensor (N, 1, 28, 28) in [-1, 1].
    n: how many images; None for 10,000 generated ones, or all that are given. Fewer give larger distances:
        compare at equal n only. The floor is what real images score: `classifier_fid(mnist("train"), n)`.
    seed: of the generator's z. allow_few: as in `feature_statistics`; here 256 images are asked for.

    This is not the FID of the literature, whose features are Inception's.
    Raises EvaluationError, ShapeError, WeightsError.
    """
    model = classifier(device_of(source))
    with eval_mode(source):
        mean, cov = feature_statistics(take(source, n, seed), model.features, allow_few=allow_few)
    return frechet_distance(mean, cov, *_test_statistics())


class ClassHistogram(NamedTuple):
    """counts: (10,) int64, images taken for each digit. kl: KL(share || uniform) in nats, 0 to log 10."""

    counts: Tensor
    kl: float


@torch.no_grad()
def class_histogram(source: Source, n: int | None = None, seed: int = 0) -> ClassHistogram:
    """How a generator, or a set of images, is spread over the ten digits; arguments as in `classifier_fid`.

    kl is 0 when all digits are equally frequent, log 10 = 2.303 nats when all images are of one digit.
    Raises EvaluationError, ShapeError, WeightsError.
    """
    model, counts = classifier(device_of(source)), torch.zeros(10, dtype=torch.int64)
    with eval_mode(source):
        for x in batches(take(source, n, seed), BATCH):
            counts += torch.bincount(model(x).argmax(1).cpu(), minlength=10)
    if not counts.sum():
        raise EvaluationError("there are no images to count; give at least one.")
    share = counts.double() / counts.sum()
    return ClassHistogram(counts, max(0.0, math.log(10) + torch.special.xlogy(share, share).sum().item()))
