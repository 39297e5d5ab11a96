"""Images: uint8 in one tensor until they are a batch, then shuffled float batches in [-1, 1].

The tutorials' DataLoader decodes, transforms and stacks every image on its own, again in every epoch; for small images
that costs more than the training. Here the images stay uint8 in one tensor on the training device; the rows of several
small batches are gathered at once, and each batch is scaled when its turn comes.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice

import numpy as np
import torch
from torch import Tensor

_AT_ONCE = 2**21  # bytes of pixels that `batches` gathers at once: many rows together cost less than a batch's alone


class DataError(ValueError):
    """Images that are missing, damaged or of the wrong form; the message says which, and what to do."""


def scale(pixels: Tensor) -> Tensor:
    """uint8 pixels in [0, 255] -> float32 in [-1, 1], the range of a generator that ends in tanh. Any shape."""
    return pixels.to(torch.float32).mul_(1 / 127.5).sub_(1.0)


def unscale(x: Tensor) -> Tensor:
    """Floats in [-1, 1] -> uint8 pixels in [0, 255], rounded; values outside are clipped. Any shape."""
    return ((x.detach().float() + 1.0) * 127.5).round_().clamp_(0, 255).to(torch.uint8)


def into_range(low: float, high: float) -> str:
    """The expression in x that brings images whose values reach from low to high into [-1, 1]; for error messages."""
    if not (math.isfinite(low) and math.isfinite(high)):
        return "x[x.isfinite().flatten(1).all(1)] keeps the images without NaN and infinity"
    if low >= 0 and high <= 1.001:
        return "2 * x - 1 brings [0, 1] there"
    if low >= 0 and high <= 255:
        return "x / 127.5 - 1 brings [0, 255] there"
    if low >= -1.5 and high <= 1.5:
        return "x.clamp(-1, 1) cuts off what sticks out"
    return "2 * (x - x.min()) / (x.max() - x.min()) - 1 brings them there"


def four_axes(shape: tuple[int, ...], name: str = "x") -> str:
    """ ": " and the expression that makes (N, C, H, W) of images of another shape, for error messages; "" if none."""
    remedy = ""
    if len(shape) == 2:
        remedy = f"{name}[None, None] for one grey image"
    elif len(shape) == 3 and shape[0] in (1, 3):
        remedy = f"{name}[None] for one image (C, H, W)"
    elif len(shape) == 3 and shape[2] == 3:
        remedy = f"{name}.permute(2, 0, 1)[None] for one image (H, W, C)"
    elif len(shape) == 3:
        remedy = f"{name}.unsqueeze(1) for grey images without a channel axis"
    elif len(shape) == 4 and shape[3] in (1, 3):
        remedy = f"{name}.permute(0, 3, 1, 2) for channels that come last"
    elif len(shape) == 4 and shape[3] == 4:
        remedy = f"{name}.permute(0, 3, 1, 2)[:, :3] for channels that come last, without the transparency"
    elif len(shape) == 4 and shape[1] == 4:
        remedy = f"{name}[:, :3] without the transparency"
    return f": {remedy}" if remedy else ""


def _between(p: Tensor) -> str:
    return f" from {p.min().item():.4g} to {p.max().item():.4g}" if p.numel() and not p.is_complex() else ""


def _to_uint8(p: Tensor) -> str:
    """The expression in `pixels` that makes uint8 of pixels of another type, by their range."""
    if p.dtype == torch.bool:
        return "pixels.to(torch.uint8) * 255"
    if p.is_complex() or not p.numel():
        return "pixels.abs().to(torch.uint8)"
    low, high = p.min().item(), p.max().item()
    if not p.is_floating_point():
        return "pixels.to(torch.uint8)" if low >= 0 and high <= 255 else "pixels.clamp(0, 255).to(torch.uint8)"
    if -1.001 <= low < 0 and high <= 1.001:
        return "gancourse.data.unscale(pixels)"
    if low >= 0 and high <= 1:
        return "(255 * pixels).round().to(torch.uint8)"
    return "pixels.nan_to_num().clamp(0, 255).round().to(torch.uint8)"


def some(have: int, n: int, seed: int = 0) -> Tensor:
    """n different numbers below `have`, drawn at random from `seed`, (n,) int64; 0 to have - 1, in order, for n = have.

    For parts of a set that are measured: `Images.sample` says why they are drawn, and not the first ones.
    """
    if n == have:
        return torch.arange(n)
    return torch.randperm(have, generator=torch.Generator().manual_seed(seed))[:n]


@dataclass(frozen=True)
class Images:
    """A data set of images, kept as uint8 until they are a batch.

    pixels: (N, C, H, W) uint8 tensor, C = 1 or 3.
    labels: (N,) int64 tensor, (N, F) where an image has F of them, or None where there are none.
    name:   what the data is called in messages and in a run's config.

    Raises DataError for pixels or labels of another type, shape or number.
    """

    pixels: Tensor
    labels: Tensor | None = None
    name: str = "images"

    def __post_init__(self) -> None:
        p = self.pixels
        if not isinstance(p, Tensor):
            raise DataError(
                f"{self.name}: pixels are a {type(p).__name__}, expected a tensor: torch.as_tensor(pixels)"
                f"{'' if isinstance(p, np.ndarray) else '.to(torch.uint8) for numbers from 0 to 255'}."
            )
        if p.dtype != torch.uint8:
            raise DataError(
                f"{self.name}: pixels are {p.dtype}{_between(p)}, expected torch.uint8 in [0, 255]: {_to_uint8(p)}. "
                "(Floats in [-1, 1] are what gancourse.data.unscale takes.)"
            )
        if p.ndim != 4 or p.shape[1] not in (1, 3):
            raise DataError(
                f"{self.name}: pixels have shape {tuple(p.shape)}, expected (N, C, H, W) with C = 1 or 3"
                f"{four_axes(tuple(p.shape), 'pixels')}."
            )
        if self.labels is not None and len(self.labels) != len(p):
            raise DataError(f"{self.name}: {len(p)} images but {len(self.labels)} labels; give one label per image.")

    def __len__(self) -> int:
        return len(self.pixels)

    def __repr__(self) -> str:
        n, c, h, w = self.pixels.shape
        return f"Images({self.name!r}, {n:,} of {c}x{h}x{w}, uint8, on {self.pixels.device})"

    @property
    def shape(self) -> tuple[int, int, int]:
        """(C, H, W) of one image."""
        c, h, w = self.pixels.shape[1:]
        return c, h, w

    @property
    def fingerprint(self) -> str:
        """SHA-256 over the pixels and their shape: what a run's config remembers of its data (0.1 s for MNIST)."""
        digest = hashlib.sha256(repr(tuple(self.pixels.shape)).encode())
        digest.update(self.pixels.cpu().contiguous().numpy().data)
        return digest.hexdigest()

    @property
    def device(self) -> torch.device:
        """Where the batches are."""
        return self.pixels.device

    def to(self, device: torch.device | str) -> Images:
        """The same images on `device` (MNIST takes 47 MB there)."""
        labels = None if self.labels is None else self.labels.to(device)
        return replace(self, pixels=self.pixels.to(device), labels=labels)

    def subset(self, n: int) -> Images:
        """The first n images, in file order: what a short run trains on. Raises DataError when there are fewer than n.

        To measure with a part of a set, take `sample`: files have an order, MNIST's two too.
        """
        if not 1 <= n <= len(self):
            raise DataError(f"{self.name}: asked for {n} images of {len(self)}; choose 1 to {len(self)}.")
        labels = None if self.labels is None else self.labels[:n]
        return replace(self, pixels=self.pixels[:n], labels=labels)

    def sample(self, n: int, seed: int = 0) -> Images:
        """n different images drawn at random from `seed`; all of them, in file order, where n is their number.

        MNIST's test set holds two kinds of writers, 5,000 digits of each, employees of the Census Bureau and
        high-school students (NIST's Special Databases 3 and 1), one after the other: a score against its first n images
        is one against one kind (LeCun, Cortes and Burges 1998, the page that came with the files).
        Raises DataError when there are fewer than n.
        """
        if not 1 <= n <= len(self):
            raise DataError(f"{self.name}: asked for {n} images of {len(self)}; choose 1 to {len(self)}.")
        index = some(len(self), n, seed).to(self.device)
        labels = None if self.labels is None else self.labels[index]
        return replace(self, pixels=self.rows(index), labels=labels)

    def batches(self, batch_size: int, rng: torch.Generator, drop_last: bool = True) -> Iterator[Tensor]:
        """One epoch: every image once, in an order drawn from `rng`, as float32 (batch_size, C, H, W) in [-1, 1].

        rng: a torch.Generator on the images' device; the same state gives the same order.
        drop_last: leave out the last, smaller batch (96 of MNIST's 60,000 at batch size 128). By default, since
            BatchNorm's statistics and the loss's mean would weigh its images more, and code that assumes the batch
            size breaks there; another 96 are left out in every epoch, so none is lost for long.

        Raises DataError when batch_size is below 1 or above the number of images.
        """
        order = self.order(batch_size, rng, drop_last)
        together = max(1, _AT_ONCE // max(1, batch_size * self.pixels[0].numel()))
        while some := list(islice(order, together)):
            for pixels in self.rows(torch.cat(some)).split(batch_size):
                yield scale(pixels)

    def order(self, batch_size: int, rng: torch.Generator, drop_last: bool = True) -> Iterator[Tensor]:
        """The numbers of the images of each batch of an epoch, (batch_size,) int64; arguments as `batches`.

        Raises DataError when batch_size is below 1 or above the number of images.
        """
        if not 1 <= batch_size <= len(self):
            raise DataError(
                f"batch_size is {batch_size}, but {self.name} has {len(self)} images; choose 1 to {len(self)}."
            )
        order = torch.randperm(len(self), generator=rng, device=self.device)
        last = len(self) // batch_size * batch_size if drop_last else len(self)
        for start in range(0, last, batch_size):
            yield order[start : start + batch_size]

    def rows(self, index: Tensor) -> Tensor:
        """The images of these numbers, (B, C, H, W) uint8, on `self.device`."""
        return self.pixels.index_select(0, index)  # whole rows are copied at once; [index] goes number by number
