"""Does a conditional generator make what it is told? Read by the course's classifier of digits, or reader of churches.

A `Reader` sees the class that is in a picture, and how far pictures lie apart. A church of 32 pixels is enlarged to the
64 that the reader takes (bicubic), a real one as well as a generated one.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import NamedTuple

import torch
from torch import Tensor

from gancourse.data.churches.classes import NAMES, RENDERED, churches_by_class, class_of
from gancourse.data.degraded import enlarge_bicubic
from gancourse.data.images import scale
from gancourse.data.mnist_digits import mnist
from gancourse.evaluation import church_reader
from gancourse.evaluation.mnist_classifier import classifier
from gancourse.evaluation.statistics import frechet_distance
from gancourse.models.base import Z_SIZE, eval_mode

SEED_REAL, N_REAL = 1_003, 2_500  # of churches that nothing is trained on
_BATCH = 250
Conditional = Callable[[Tensor, Tensor], Tensor]  # z (B, z_size) and labels (B,) -> images in [-1, 1]


class Reader(NamedTuple):
    """names: of the classes. look: images (N, C, H, W) in [-1, 1] -> features (N, F) and the class in each, (N,) int64.
    real: a class -> the features of real images of it, (M, F)."""

    names: tuple[str, ...]
    look: Callable[[Tensor], tuple[Tensor, Tensor]]
    real: Callable[[int], Tensor]


class Obedience(NamedTuple):
    """shares: of each class, how much is read as that class, (K,). variety: of each class, how far its samples lie
    apart on the reader's features, relative to real images of that class, (K,); nan where G makes none."""

    shares: Tensor
    variety: Tensor

    @property
    def mean(self) -> float:
        """The mean share."""
        return self.shares.mean().item()


@cache
def digits() -> Reader:
    """The course's classifier; real are MNIST's test digits, 892 to 1,135 of each class, with 64 features."""
    model, test = classifier(), mnist("test")
    assert test.labels is not None
    labels = test.labels

    @torch.no_grad()
    def look(x: Tensor) -> tuple[Tensor, Tensor]:
        features = torch.cat([model.features(part) for part in x.split(_BATCH)])
        return features, model.head(features).argmax(1)

    return Reader(tuple("0123456789"), look, cache(lambda k: look(scale(test.pixels[labels == k]))[0]))


@cache
def churches() -> Reader:
    """The course's reader of churches, for 25 classes by plan and time of day; some 100 real ones of each, 96 features.

    So many are too few for a covariance: compare a class's distance with that of other real ones, at equal numbers.
    """
    model = church_reader.reader()

    @torch.no_grad()
    def look(x: Tensor) -> tuple[Tensor, Tensor]:
        times = RENDERED // x.shape[-1]
        large = [part if times < 2 else enlarge_bicubic(part, times) for part in x.split(_BATCH)]
        features = torch.cat([model.features(part) for part in large])
        answers = model.answers(features)
        return features, class_of({name: answer.argmax(1) for name, answer in answers.items()})

    images = churches_by_class(N_REAL, seed=SEED_REAL)
    assert images.labels is not None
    labels = images.labels
    return Reader(NAMES, look, cache(lambda k: look(scale(images.pixels[labels == k]))[0]))


@torch.no_grad()
def by_class(
    G: Conditional, n: int, classes: int = 10, seed: int = 0, cut: Callable[[Tensor], Tensor] = lambda z: z
) -> Tensor:
    """n images of each class by G, in eval mode, (classes, n, C, H, W); every class has z of its own.

    cut: what is done to z (n, z_size) ~ N(0, I) first, such as a truncation. G gets its own mode back.
    """
    rng, size = torch.Generator().manual_seed(seed), getattr(G, "z_size", Z_SIZE)
    with eval_mode(G):
        return torch.stack(
            [G(cut(torch.randn(n, size, generator=rng)), torch.full((n,), label)) for label in range(classes)]
        )


def obedience(G: Conditional, n: int = 200, seed: int = 0) -> Obedience:
    """n samples of each class from G: z (B, z_size) and labels (B,) -> digits (B, 1, 28, 28) in [-1, 1].

    G runs in eval mode and gets its own back. Variety counts those samples alone that are read as their class: the mean
    distance of two of them.
    """
    return obeyed(by_class(G, n, seed=seed), digits())


def obeyed(images: Tensor, reader: Reader) -> Obedience:
    """The same of images that are there, (classes, n, C, H, W) in [-1, 1], n of each class."""
    shares, variety = [], []
    for label, some in enumerate(images):
        features, found = reader.look(some)
        right = found == label
        shares.append(right.double().mean())
        variety.append(_apart(features[right]) / _apart(reader.real(label)[: len(some)]))
    return Obedience(torch.stack(shares), torch.stack(variety))


def within_classes(images: Tensor, reader: Reader) -> Tensor:
    """Of images (classes, n, C, H, W) in [-1, 1] the Fréchet distance to the real ones of their class, (classes,).

    A G that makes good images of the wrong class, or one image of each, has a small distance over all of them together
    and large ones here. Of few images it comes out too large: compare at equal n, and with real images' own.
    """
    pairs = ((reader.look(some)[0], reader.real(label)) for label, some in enumerate(images))
    return torch.tensor([_distance(made, real) for made, real in pairs])


def over_all(images: Tensor, reader: Reader) -> float:
    """The Fréchet distance of images (classes, n, C, H, W) in [-1, 1] to the real ones of all classes, a number."""
    made = torch.cat([reader.look(some)[0] for some in images])
    return _distance(made, torch.cat([reader.real(label) for label in range(len(images))]))


def church_scores(G: Conditional) -> dict[str, float]:
    """What a card says of a generator that is told one of 25 kinds of churches: 40 samples of each, z from seed 0."""
    images = by_class(G, 40, len(NAMES))
    found = obeyed(images, churches())
    return {
        "obedience": round(found.mean, 4),
        "variety": round(found.variety.nanmean().item(), 4),
        "distance": round(over_all(images, churches()), 2),
        "samples": images.shape[0] * images.shape[1],
    }


def _distance(made: Tensor, real: Tensor) -> float:
    """Of features (N, F) and (M, F)."""
    made, real = made.double(), real.double()
    return frechet_distance(made.mean(0), made.T.cov(), real.mean(0), real.T.cov())


def _apart(features: Tensor) -> Tensor:
    """The mean distance of two different rows; nan for fewer than two."""
    return torch.pdist(features.double()).mean()
