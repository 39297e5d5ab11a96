"""What can be scored: a generator, or images. Both come out as checked batches in [-1, 1], one at a time."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator

import torch
from torch import Tensor, nn
from tqdm.auto import tqdm

from gancourse.data.images import Images, four_axes, into_range, scale, some
from gancourse.models.base import Z_SIZE
from gancourse.models.folded import quick

BATCH = 500  # vectors z drawn at a time; fixed, so that a seed means the same images for ever
_NUMBERS = 4 << 20  # pixel values that pass through a network at a time: 85 images of 128 x 128 x 3

Source = nn.Module | Images | Tensor  # a generator, or images


class EvaluationError(ValueError):
    """Images or statistics that cannot be scored; the message says why, and what to do."""


def batches(images: Images | Tensor | Iterable[Tensor], batch_size: int = BATCH) -> Iterator[Tensor]:
    """The images as checked float32 batches in [-1, 1], each small enough to pass through a network."""
    if isinstance(images, Images):
        yield from map(scale, images.pixels.split(_at_most(batch_size, math.prod(images.shape))))
        return
    if isinstance(images, Tensor):
        if images.is_floating_point() and images.numel() and images.min() >= 0:
            low, high = images.min().item(), images.max().item()
            raise EvaluationError(
                f"all values lie in [{low:.3g}, {high:.3g}], expected [-1, 1], black at -1: {into_range(low, high)}."
            )
        images = images.split(_at_most(batch_size, math.prod(images.shape[1:]))) if images.ndim else [images]
    for x in images:
        if x.ndim != 4:
            shape = tuple(x.shape)
            raise EvaluationError(f"images have shape {shape}, expected (N, C, H, W){four_axes(shape)}.")
        if not x.is_floating_point():
            raise EvaluationError(
                f"images are {x.dtype}, expected floats in [-1, 1]: data.scale(x) for pixels in [0, 255]."
            )
        if not len(x):
            continue
        low, high = x.min().item(), x.max().item()
        if not (low >= -1.001 and high <= 1.001):  # written so that NaN is caught too
            raise EvaluationError(
                f"values lie in [{low:.3g}, {high:.3g}], expected [-1, 1], tanh's range: {into_range(low, high)}."
            )
        yield x.float()


def _at_most(batch_size: int, numbers: int) -> int:
    return max(1, min(batch_size, _NUMBERS // max(1, numbers)))


def bar(parts: Iterator[Tensor], total: int | None, show: bool, what: str) -> Iterator[Tensor]:
    """The same batches, with a progress bar that counts images and leaves nothing behind."""
    if not show:
        yield from parts
        return
    with tqdm(total=total, desc=what, unit="image", leave=False) as progress:
        for x in parts:
            yield x
            progress.update(len(x))


def device_of(source: Source) -> torch.device:
    if isinstance(source, nn.Module):
        return next((p.device for p in source.parameters()), torch.device("cpu"))
    return source.device


@torch.no_grad()
def generate(G: nn.Module, n: int, seed: int) -> Iterator[Tensor]:
    """n images from G, in eval mode, in batches; z is drawn on the CPU, so that every device sees the same."""
    make, device = quick(G), device_of(G)
    rng = torch.Generator().manual_seed(seed)
    size = _at_most(BATCH, math.prod(getattr(G, "image_shape", (1, 28, 28))))
    for start in range(0, n, BATCH):
        z = torch.randn(min(BATCH, n - start), getattr(G, "z_size", Z_SIZE), generator=rng)
        for part in z.split(size):
            yield make(part.to(device))


@torch.no_grad()
def samples(G: nn.Module, n: int, batch: int) -> Tensor:
    """n images of G, which stays in eval mode: (n, C, H, W), from z of seed 0, `batch` at a time.

    For figures that are stored: z and the last digits of an image depend on the batch.
    """
    rng, size = torch.Generator().manual_seed(0), getattr(G.eval(), "z_size", Z_SIZE)
    return torch.cat([G(torch.randn(min(batch, n - i), size, generator=rng)) for i in range(0, n, batch)])


def count(source: Source, n: int | None) -> int:
    """How many images n means. Raises EvaluationError when there are not so many."""
    if isinstance(source, nn.Module):
        n = 10_000 if n is None else n
        if n < 1:
            raise EvaluationError(f"n is {n}, expected at least 1 generated image.")
        return n
    have = len(source) if isinstance(source, Images) or source.ndim else 0
    if n is not None and not 1 <= n <= have:
        raise EvaluationError(f"n is {n}, but there are {have} images; choose 1 to {have}.")
    return have if n is None else n


def take(source: Source, n: int | None, seed: int) -> Images | Tensor | Iterator[Tensor]:
    """n generated images, or n of those given, always the same random ones: `Images.sample` says why not the first.

    seed: of the generator's z.
    """
    if isinstance(source, nn.Module):
        return generate(source, count(source, n), seed)
    if n is None:
        return source
    n = count(source, n)
    if n == (have := len(source)):
        return source
    index = some(have, n)
    return source[index.to(source.device)] if isinstance(source, Tensor) else drawn(source, index)


def drawn(images: Images, index: Tensor) -> Iterator[Tensor]:
    """The images of these numbers (N,), in batches: those of a memory map are never all in memory."""
    for part in index.split(_at_most(BATCH, math.prod(images.shape))):
        yield scale(images.rows(part.to(images.device)))
