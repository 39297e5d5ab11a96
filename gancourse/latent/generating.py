"""Images from z, checked, and what changes along a path of z."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn

from gancourse.latent.geometry import norms
from gancourse.models import fast
from gancourse.models.base import Z_SIZE, Generator, eval_mode

_BATCH = 256  # z per forward pass
_SLACK = 1e-2  # how far bfloat16's rounding may carry an image out of [-1, 1]


class LatentError(ValueError):
    """A generator, z or images that cannot be worked with; the message says why, and what to do."""


def z_size(G: nn.Module) -> int:
    """How many numbers G takes: its z_size, 100 where it does not say."""
    return int(getattr(G, "z_size", Z_SIZE))


@torch.no_grad()
def generate(G: nn.Module, z: Tensor) -> Tensor:
    """Images of z (B, z_size): (B, C, H, W) float32 in [-1, 1] on the CPU, made in eval mode.

    Raises LatentError where z does not fit G, or where G returns something else than finite images in [-1, 1].
    """
    if z.ndim != 2 or z.shape[1] != z_size(G) or not len(z):
        raise LatentError(f"z has shape {tuple(z.shape)}, expected (B, {z_size(G)}) with B of at least 1.")
    device = next((p.device for p in G.parameters()), torch.device("cpu"))
    own = isinstance(G, Generator) and device.type == "cpu"
    run = fast.Network(G) if own else G  # the same float32 numbers but for rounding, twice as quick
    with eval_mode(G):
        parts = [checked(run(part.to(device)), len(part)) for part in z.split(_BATCH)]
    return torch.cat(parts)


def checked(x: object, n: int) -> Tensor:
    """What a generator returned for n z, if it is n images: float32, on the CPU, clamped to [-1, 1]."""
    if not isinstance(x, Tensor):
        raise LatentError(f"G returned {type(x).__name__}, expected a tensor of images (B, C, H, W).")
    if x.ndim != 4 or len(x) != n or x.shape[1] not in (1, 3) or not x.is_floating_point():
        kind = str(x.dtype).removeprefix("torch.")
        raise LatentError(
            f"G returned {kind} of shape {tuple(x.shape)} for {n} z, expected float images ({n}, C, H, W) with C = 1 "
            "or 3: end its forward with x.view(-1, C, H, W)."
        )
    x = x.detach().float().cpu()
    if not bool(x.isfinite().all()):
        broken = int((~x.isfinite().flatten(1).all(1)).sum())
        raise LatentError(
            f"{broken} of {n} images hold NaN or infinity: training broke, or the weights did not fit. "
            "Train again with lower learning rates, or load another checkpoint."
        )
    low, high = x.min().item(), x.max().item()
    if low < -1 - _SLACK or high > 1 + _SLACK:
        raise LatentError(f"G's images reach from {low:.3g} to {high:.3g}, expected [-1, 1]: end G in Tanh.")
    return x.clamp(-1, 1)


class PathStatistics(NamedTuple):
    """Along a path of T points: norms (T,); steps (T - 1,), by how much a pixel changes (root mean square, on the
    scale from -1 to 1); confidence (T,) of a classifier in its answer, or None."""

    norms: Tensor
    steps: Tensor
    confidence: Tensor | None


def path_statistics(G: nn.Module, z: Tensor, classify: Callable[[Tensor], Tensor] | None = None) -> PathStatistics:
    """What happens along a path z (T, z_size) of at least two points.

    classify: images (B, C, H, W) -> logits (B, classes), for one `evaluation.classifier()`.
    Raises LatentError for a shorter path, or a G that makes no images of these z.
    """
    if len(z) < 2:
        raise LatentError(f"the path has {len(z)} points, expected at least 2.")
    x = generate(G, z)
    steps = (x[1:] - x[:-1]).square().mean((1, 2, 3)).sqrt()
    confidence = None
    if classify is not None:
        with torch.no_grad():
            confidence = classify(x).float().softmax(1).amax(1)
    return PathStatistics(norms(z), steps, confidence)
