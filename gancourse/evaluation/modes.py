"""Modes counted on stacked MNIST: which of the 1,000 combinations of three digits does a generator make, and how often?

The course's MNIST classifier reads each channel on its own, and the three digits are the image's mode. This is the
measurement of Metz et al. 2017 (section 3.3.1) and of all who came after them, with another classifier: published
counts and ours are near each other, not equal.

What to know before reading a count:
- The KL is that of the histogram of n samples, and would not be 0 for the data itself: n = 25,600 samples spread over
  1,000 modes give some 0.02 by chance alone. `sampling_floor` computes it exactly.
- A mode counts as soon as one image is read as it. A classifier that errs on one digit in 200 errs on one image in 67,
  which puts some hundred images of 25,600 into modes that a collapsed generator never makes. `ModeCount.at_least` asks
  for more images; the KL hardly notices them.
- The classifier has to name a digit, whatever it is shown. `sure` says on how many images it is sure in all three
  channels, and `distance` compares the channels with digits: both give noise away where a count may not.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import torch
from torch import Tensor

from gancourse.data.mnist_digits import mnist
from gancourse.data.stacked import MODES, mode_of, mode_shares
from gancourse.evaluation.image_batches import BATCH, EvaluationError, Source, batches, device_of, take
from gancourse.evaluation.mnist_classifier import classifier
from gancourse.evaluation.statistics import Moments, frechet_distance
from gancourse.evaluation.summary import cached_statistics
from gancourse.models.base import eval_mode

SAMPLES = 25_600  # as most of the literature; some take 26,000 or 128,000
SURE = 0.9  # the probability that the classifier must give to a digit for it to be one for sure


class ModeCount(NamedTuple):
    """What `count_modes` found in n images.

    modes: of the 1,000, those with at least one image.
    kl: KL(share of each mode || 1/1000) in nats, from 0 to log 1000 = 6.908.
    kl_data: KL(share of each mode || its share in the data): MNIST's digits are not equally frequent.
    sure: the share of images on all of whose channels the classifier is sure, a digit having at least probability 0.9.
    sure_modes: modes with at least one such image.
    distance: the classifier distance (`classifier_fid`) of the channels, taken as images of one digit, to MNIST's test
        images; nan where there are too few.
    counts: (1000,) int64, images of each mode.
    """

    n: int
    modes: int
    kl: float
    kl_data: float
    sure: float
    sure_modes: int
    distance: float
    counts: Tensor

    def at_least(self, images: int) -> int:
        """How many modes have so many images or more."""
        return int((self.counts >= images).sum())


class SamplingFloor(NamedTuple):
    """What n images of the data itself score on average, read without error: modes, kl and kl_data as `ModeCount`."""

    modes: float
    kl: float
    kl_data: float


def divergence(counts: Tensor, share: Tensor) -> float:
    """KL(counts / their sum || share) in nats, both (K,); infinite where a count has share 0.

    It is the "reverse" KL of the literature on stacked MNIST: modes that are never made cost no more than that the
    others are made too often, log(K / m) where m of K equal modes are made equally often.
    Raises EvaluationError for no counts.
    """
    if not counts.sum():
        raise EvaluationError("there are no images to count; give at least one.")
    p = counts.double() / counts.sum()
    return max(0.0, (torch.special.xlogy(p, p) - torch.special.xlogy(p, share.double())).sum().item())


@torch.no_grad()
def count_modes(source: Source, n: int | None = None, seed: int = 0) -> ModeCount:
    """Read the three digits of every image, and count how often each of the 1,000 modes comes.

    source: a generator, z (B, z_size) -> (B, 3, 28, 28) in [-1, 1], run in eval mode, which is restored; or images, as
        Images or as a float tensor (N, 3, 28, 28) in [-1, 1].
    n: how many images; None for 25,600 generated ones, or all that are given, of which n are drawn at random.
    seed: of the generator's z.

    Images pass 500 at a time, so that memory does not grow with n. Source: Metz et al. 2017, section 3.3.1.
    Raises EvaluationError (other shapes or ranges, no images), WeightsError.
    """
    n = SAMPLES if n is None and isinstance(source, torch.nn.Module) else n
    model = classifier(device_of(source))
    counts, sure_counts, moments = torch.zeros(2, MODES, dtype=torch.int64), 0, Moments()
    with eval_mode(source):
        for x in batches(take(source, n, seed)):
            if tuple(x.shape[1:]) != (3, 28, 28):
                raise EvaluationError(
                    f"images have shape {tuple(x.shape)}, expected (N, 3, 28, 28), a digit in each channel: "
                    "data.stacked_mnist(n) makes such images of MNIST."
                )
            channels = x.reshape(-1, 1, 28, 28).split(BATCH)  # as many as the classifier is quickest with
            features = torch.cat([model.features(part) for part in channels])
            moments.add(features)
            p, digits = model.head(features).softmax(1).cpu().view(-1, 3, 10).max(2)
            modes, sure = mode_of(digits), p.amin(1) >= SURE
            counts[0] += modes.bincount(minlength=MODES)
            counts[1] += modes[sure].bincount(minlength=MODES)
    every, sure_counts = counts
    kl = divergence(every, torch.full((MODES,), 1 / MODES, dtype=torch.float64))
    total = int(every.sum())
    return ModeCount(
        n=total,
        modes=int((every > 0).sum()),
        kl=kl,
        kl_data=divergence(every, mode_shares()),
        sure=int(sure_counts.sum()) / total,
        sure_modes=int((sure_counts > 0).sum()),
        distance=_distance(moments),
        counts=every,
    )


def _distance(moments: Moments) -> float:
    if moments.n < 4 * classifier().n_features:
        return math.nan
    return frechet_distance(*moments.result(), *cached_statistics(mnist("test"), classifier()))


def mode_scores(source: Source, n: int | None = None, seed: int = 0) -> dict[str, Any]:
    """`count_modes` as rounded plain numbers for a table or a study, without the counts and with `few`.

    few: modes that are made too seldom, with less than a fifth of what each would have if all were equally frequent:
        of 25,600 images, those with five or fewer.
    Arguments and errors as `count_modes`.
    """
    found = count_modes(source, n, seed)
    return {
        "samples": found.n,
        "modes": found.modes,
        "kl": round(found.kl, 4),
        "kl_data": round(found.kl_data, 4),
        "few": MODES - found.at_least(math.ceil(found.n / MODES / 5)),
        "sure": round(found.sure, 4),
        "sure_modes": found.sure_modes,
        "distance": round(found.distance, 3),
    }


def sampling_floor(n: int = SAMPLES, split: str = "train") -> SamplingFloor:
    """What n images of stacked MNIST score on average when every digit is read rightly: exact, none is drawn.

    The count of mode k is Binomial(n, p_k), and both KLs are sums over the modes of what depends on one count alone;
    to first order the KL to the data's own shares is (1000 - 1) / 2n. Ours.
    Raises ValueError for n below 1, DataError for another split.
    """
    if n < 1:
        raise ValueError(f"n is {n}, expected at least 1 image.")
    p = mode_shares(split)
    top = min(n, math.ceil(n * p.max().item() + 12 * math.sqrt(n * p.max().item()) + 30))  # no more mass beyond 12 sd
    c = torch.arange(top + 1, dtype=torch.float64)
    ways = math.lgamma(n + 1) - torch.lgamma(c + 1) - torch.lgamma(n - c + 1)
    weight = (ways + torch.outer(p.log(), c) + torch.outer((-p).log1p(), n - c)).exp()  # (1000, counts)
    negative_entropy = (weight @ torch.special.xlogy(c / n, c / n)).sum().item()
    return SamplingFloor(
        modes=(1 - weight[:, 0]).sum().item(),
        kl=negative_entropy + math.log(MODES),
        kl_data=negative_entropy - torch.special.xlogy(p, p).sum().item(),
    )
