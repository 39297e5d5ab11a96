"""Images: uint8 in one tensor until they are a batch, then shuffled float batches in [-1, 1].

The tutorials' DataLoader decodes, transforms and stacks every image on its own, again in every epoch; for small images
that costs more than the training. Here the images stay uint8 in one tensor on the training device, and a batch is one
gather and one multiplication.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
from torch import Tensor


class DataError(ValueError):
    """Images that are missing, damaged or of the wrong form; the message says which, and what to do."""


def scale(pixels: Tensor) -> Tensor:
    """uint8 pixels in [0, 255] -> float32 in [-1, 1], the range of a generator that ends in tanh. Any shape."""
    return pixels.to(torch.float32).mul_(1 / 127.5).sub_(1.0)


def unscale(x: Tensor) -> Tensor:
    """Floats in [-1, 1] -> uint8 pixels in [0, 255], rounded; values outside are clipped. Any shape."""
    return ((x.detach().float() + 1.0) * 127.5).round_().clamp_(0, 255).to(torch.uint8)


@dataclass(frozen=True)
class Images:
    """A data set of images, kept as uint8 until they are a batch.

    pixels: (N, C, H, W) uint8 tensor, C = 1 or 3.
    labels: (N,) int64 tensor, or None where there are none.
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
                f"{self.name}: pixels are a {type(p).__name__}, expected a tensor: torch.from_numpy(array)."
            )
        if p.dtype != torch.uint8:
            raise DataError(
                f"{self.name}: pixels are {p.dtype}, expected torch.uint8 in [0, 255]. "
                "Floats in [-1, 1] become uint8 with gancourse.data.unscale(x)."
            )
        if p.ndim != 4 or p.shape[1] not in (1, 3):
            raise DataError(
                f"{self.name}: pixels have shape {tuple(p.shape)}, expected (N, C, H, W) with C = 1 or 3. "
                "For grey images without a channel axis use pixels.unsqueeze(1)."
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
        """The first n images (MNIST's order is already random). Raises DataError when there are fewer than n."""
        if not 1 <= n <= len(self):
            raise DataError(f"{self.name}: asked for {n} images of {len(self)}; choose 1 to {len(self)}.")
        labels = None if self.labels is None else self.labels[:n]
        return replace(self, pixels=self.pixels[:n], labels=labels)

    def batches(self, batch_size: int, rng: torch.Generator, drop_last: bool = True) -> Iterator[Tensor]:
        """One epoch: every image once, in an order drawn from `rng`, as float32 (batch_size, C, H, W) in [-1, 1].

        rng: a torch.Generator on the images' device; the same state gives the same order.
        drop_last: leave out the last, smaller batch (96 of MNIST's 60,000 at batch size 128). By default, since
            BatchNorm's statistics and the loss's mean would weigh its images more, and code that assumes the batch
            size breaks there; another 96 are left out in every epoch, so none is lost for long.

        Raises DataError when batch_size is below 1 or above the number of images.
        """
        if not 1 <= batch_size <= len(self):
            raise DataError(
                f"batch_size is {batch_size}, but {self.name} has {len(self)} images; choose 1 to {len(self)}."
            )
        order = torch.randperm(len(self), generator=rng, device=self.device)
        last = len(self) // batch_size * batch_size if drop_last else len(self)
        for start in range(0, last, batch_size):
            yield scale(self._rows(order[start : start + batch_size]))

    def _rows(self, index: Tensor) -> Tensor:
        """The images of these numbers, (B, C, H, W) uint8, on `self.device`."""
        return self.pixels[index]
