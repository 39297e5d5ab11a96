"""Perceptual path length: how fast a generator's images change along a path between two latent vectors."""

from __future__ import annotations

import warnings
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.func import jvp

from gancourse.evaluation.features import Extractor, classifier_features
from gancourse.evaluation.image_batches import EvaluationError, device_of
from gancourse.models.base import Z_SIZE, eval_mode
from gancourse.models.stylegan import StyleGenerator

_BATCH = 50  # paths at a time


class PathLength(NamedTuple):
    """value: mean squared speed, in squared feature units; error: its standard error."""

    value: float
    error: float


def path_length(
    G: nn.Module, extractor: Extractor | None = None, n: int = 500, seed: int = 0, in_w: bool = False
) -> PathLength:
    """Perceptual path length of a generator: the mean of |d f(G(slerp(z1, z2; t))) / dt|^2 over z1, z2 and t.

    extractor: features f; None for the MNIST classifier's. n: paths. seed: of z1, z2 ~ N(0, I) and t ~ U(0, 1).
    in_w: of a `StyleGenerator`, along the straight line between their w instead.

    Karras et al., 2019 (section 4.1; equation 2, and 3 for w), divide the distance of two images a step of 1e-4 apart
    by the step's square; this is the limit of that for a step of 0, exactly, by forward-mode differentiation, with
    squared distances of features in place of LPIPS. As in their code the lowest and the highest hundredth are left out.
    A small value says that the path is smooth, not that the images are good: a generator that shows one image for all z
    scores 0.
    Raises EvaluationError: an extractor that lets no gradient through (Inception: it rounds pixel values), n < 2.
    """
    extractor = classifier_features(device_of(G)) if extractor is None else extractor
    if not extractor.smooth:
        raise EvaluationError(
            f"the extractor {extractor.name} rounds images to whole pixel values, so a small step changes nothing. "
            "Choose another, such as random_features()."
        )
    if n < 2:
        raise EvaluationError(f"n is {n}, expected at least 2 paths.")
    if in_w and not isinstance(G, StyleGenerator):
        raise EvaluationError(f"G is a {type(G).__name__}, which has no w; leave in_w out.")
    rng, device = torch.Generator().manual_seed(seed), device_of(G)
    ends = torch.randn(2, n, getattr(G, "z_size", Z_SIZE), generator=rng)
    times = torch.rand(n, generator=rng)
    speeds = []
    with eval_mode(G), torch.no_grad():
        for part in torch.arange(n).split(_BATCH):
            a, b = ends[:, part].to(device)

            def image_features(t: Tensor, a: Tensor = a, b: Tensor = b) -> Tensor:
                if isinstance(G, StyleGenerator) and in_w:
                    return extractor(G.synthesis(torch.lerp(G.mapping(a), G.mapping(b), t[:, None])))
                return extractor(G(_slerp(a, b, t)))

            t = times[part].to(device)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", FutureWarning)  # torch's own, of what it imports for this
                speed = jvp(image_features, (t,), (torch.ones_like(t),))[1]
            speeds.append(speed.double().square().sum(1).cpu())
    found = torch.cat(speeds).sort().values
    cut = n // 100
    kept = found[cut : n - cut]
    return PathLength(kept.mean().item(), (kept.std() / len(kept) ** 0.5).item())


def _slerp(a: Tensor, b: Tensor, t: Tensor) -> Tensor:
    """Spherical interpolation of (B, F) vectors at times t (B,): directions on the great circle, lengths linear.

    Source: Shoemake, 1985; for latent vectors: White, 2016.
    """
    length_a, length_b = a.norm(dim=1, keepdim=True), b.norm(dim=1, keepdim=True)
    u, v, t = a / length_a, b / length_b, t[:, None]
    angle = (u * v).sum(1, keepdim=True).clamp(-1 + 1e-7, 1 - 1e-7).acos()
    direction = (torch.sin((1 - t) * angle) * u + torch.sin(t * angle) * v) / torch.sin(angle)
    return direction * ((1 - t) * length_a + t * length_b)
