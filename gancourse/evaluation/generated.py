"""What a card says of a generator of digits."""

from __future__ import annotations

import torch

from gancourse.evaluation.scores import class_histogram, classifier_fid
from gancourse.models.base import Generator


@torch.no_grad()
def digit_scores(G: Generator, n: int) -> dict[str, float]:
    """classifier_fid and kl of n images from G, z from seed 0: what a card states, and what a test computes again."""
    rng = torch.Generator().manual_seed(0)
    G.eval()
    images = torch.cat([G(torch.randn(500, G.z_size, generator=rng)) for _ in range(n // 500)])
    kl = class_histogram(images).kl
    return {"classifier_fid": round(classifier_fid(images), 3), "kl": round(kl, 4), "samples": len(images)}
