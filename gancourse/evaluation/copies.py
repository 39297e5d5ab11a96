"""Has a generator of photographs copied some? What has to be answered before its weights are given to anybody.

In pixels blurred images lie near everything, so a distance alone says little. A copy has one training image that is
much nearer than the next ones: `closeness` compares the nearest with those behind it, and blur changes both.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from gancourse.data.images import Images, scale
from gancourse.evaluation.image_batches import samples

NEXT = 10  # training images behind the nearest one
COPY = 0.5  # closeness below which an image counts as a copy: photographs with visible noise stay below 0.4


class Copies(NamedTuple):
    """share: of generated images whose `closeness` to a training image is below COPY. unseen: of unseen photographs, in
    which a second picture of the same tower is a copy too.

    closest: (M,) the generated images' closeness. nearest: (M,) int64, the training image nearest to each; numbers from
    that of training images on are mirror images.
    """

    share: float
    unseen: float
    closest: Tensor
    nearest: Tensor


def outlines(images: Images | Tensor) -> Tensor:
    """Images, or floats (N, C, H, W) in [-1, 1], at 32 x 32 pixels: (N, C * 32 * 32) float32. Smaller ones stay."""
    pixels = images.pixels if isinstance(images, Images) else images
    parts = [scale(x) if x.dtype == torch.uint8 else x for x in pixels.split(500)]
    size = min(32, pixels.shape[-1])
    return torch.cat([functional.adaptive_avg_pool2d(x.cpu(), size).flatten(1) for x in parts])


def closeness(points: Tensor, train: Tensor) -> tuple[Tensor, Tensor]:
    """Distance to the nearest of `train` over the mean distance to the NEXT ones behind it (ours), and the nearest.

    points (M, F), train (N, F), N above NEXT -> (M,) in [0, 1], near 0 for a copy; (M,) int64.
    """
    found = torch.cdist(points, train).topk(NEXT + 1, 1, largest=False)
    nearest = found.indices[:, 0]
    distance = (points - train[nearest]).norm(dim=1)  # exact: of a copy cdist's products of matrices leave 0.01
    return distance / found.values[:, 1:].mean(1).clamp(min=1e-12), nearest


@torch.no_grad()
def check(G: nn.Module, train: Images, unseen: Images, n: int = 1000) -> Copies:
    """Compare n samples (z from seed 0) with the training photographs and their mirror images.

    unseen: photographs of the same kind that G was not trained on: what is natural. Raises ValueError for fewer than
    20 of either.
    """
    if min(len(train), len(unseen)) < 20:
        raise ValueError(f"there are {len(train)} training and {len(unseen)} unseen images, expected at least 20 each.")
    x = samples(G, n, 100)
    known = torch.cat([outlines(train), outlines(train.pixels.flip(3))])
    natural, _ = closeness(outlines(unseen), known)
    closest, nearest = closeness(outlines(x), known)
    share, by_nature = ((c < COPY).double().mean().item() for c in (closest, natural))
    return Copies(share, by_nature, closest, nearest)
