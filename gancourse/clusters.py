"""Clusters of training images, found without labels: what a `TornGenerator` and its discriminator are told of.

A GAN that is conditioned on clusters of its own data needs no annotation and covers more of it (Liu et al. 2020,
"Diverse image generation via self-conditioned GANs"; they cluster D's features as D learns, we cluster pixels, once).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gancourse.data import Images, scale
from gancourse.models import ToldDiscriminator, TornGenerator, intervals, nearest

ROUNDS = 30  # of Lloyd's algorithm


@torch.no_grad()
def k_means(x: Tensor, k: int, rng: torch.Generator, rounds: int = ROUNDS) -> tuple[Tensor, Tensor]:
    """Lloyd's algorithm on points x (N, F), from k of them: means (k, F), and how many points are nearest to each (k,).

    Raises ValueError for fewer points than clusters.
    """
    if len(x) < k:
        raise ValueError(f"there are {len(x)} images for {k} clusters; use at least {k} images.")
    means = x[torch.randperm(len(x), generator=rng)[:k].to(x.device)]
    for _ in range(rounds):
        member = F.one_hot(nearest(x, means), k).to(x.dtype)
        size = member.sum(0)[:, None]
        means = torch.where(size > 0, member.t() @ x / size.clamp(min=1), means)  # an empty one stays where it is
    return means, nearest(x, means).bincount(minlength=k)


def find_clusters(G: TornGenerator, D: ToldDiscriminator, images: Images, seed: int = 0) -> None:
    """Tell both networks, in place, of the clusters of these images: how probable each is, and its mean outline.

    Raises ValueError for fewer images than clusters.
    """
    x = torch.cat([D.outline(scale(part.cpu())) for part in images.pixels.split(500)])
    means, counts = k_means(x, len(D.means), torch.Generator().manual_seed(seed))
    D.means.copy_(means)
    G.edges.copy_(intervals(counts))


def of_fakes(G: nn.Module, z: Tensor) -> tuple[Tensor, ...]:
    """What D is told of fake images beside the images: the clusters (B,) of z, if G has any (ours)."""
    inner = getattr(G, "inner", G)
    return (inner.code(z),) if isinstance(inner, TornGenerator) else ()


def of_reals(D: nn.Module, x_real: Tensor) -> tuple[Tensor, ...]:
    """What D is told of real images: their clusters (B,), found before they are augmented, if it knows any (ours)."""
    inner = getattr(D, "inner", D)
    return (inner.code(x_real),) if isinstance(inner, ToldDiscriminator) else ()
