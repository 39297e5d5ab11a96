"""Does a conditional generator make what it is told? Read by the course's classifier of digits."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from gancourse.data.mnist_digits import mnist
from gancourse.evaluation.mnist_classifier import classifier
from gancourse.models.base import Z_SIZE, eval_mode


class Obedience(NamedTuple):
    """shares: of each class, how much is read as that class, (10,). variety: of each class, how far its samples lie
    apart on the classifier's features, relative to MNIST's test digits of that class, (10,); nan where G makes none."""

    shares: Tensor
    variety: Tensor

    @property
    def mean(self) -> float:
        """The mean share."""
        return self.shares.mean().item()


@torch.no_grad()
def obedience(G: Callable[[Tensor, Tensor], Tensor], n: int = 200, seed: int = 0) -> Obedience:
    """n samples of each class from G: z (B, 100) and labels (B,) -> digits (B, 1, 28, 28) in [-1, 1].

    G runs in eval mode and gets its own back. Variety counts those samples alone that are read as their class: the mean
    distance of two of them.
    """
    model, test = classifier(), mnist("test")
    assert test.labels is not None
    rng = torch.Generator().manual_seed(seed)
    shares, variety = [], []
    for digit in range(10):
        with eval_mode(G):
            x = G(torch.randn(n, Z_SIZE, generator=rng), torch.full((n,), digit))
        features = model.features(x)
        obeyed = model.head(features).argmax(1) == digit
        real = model.features(test.pixels[test.labels == digit][:n].float() / 127.5 - 1)
        shares.append(obeyed.double().mean())
        variety.append(_apart(features[obeyed]) / _apart(real))
    return Obedience(torch.stack(shares), torch.stack(variety))


def _apart(features: Tensor) -> Tensor:
    """The mean distance of two different rows; nan for fewer than two."""
    return torch.pdist(features.double()).mean()
