"""What a trainer can be given beside plain images: images with labels, aligned pairs, unaligned pairs.

All have what `Images` has for a trainer: a name, a fingerprint, a length, `to(device)` and seeded `batches`. A batch of
plain images is one tensor; a batch of the others is a tuple of two. The same state of `rng` gives the same batches, so
that a run which is resumed goes on with the same bits.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Protocol, Self

import torch
from torch import Tensor

from gancourse.data.images import DataError, Images, scale

Batch = Tensor | tuple[Tensor, ...]  # images in [-1, 1] (B, C, H, W), or those and what they come with


class TrainingData(Protocol):
    """What a trainer asks of its data. `Images` and the classes of this module are such data."""

    @property
    def name(self) -> str:
        """What it is called in messages and in a run's config."""
        ...

    @property
    def fingerprint(self) -> str:
        """A SHA-256 of all that it holds."""
        ...

    def __len__(self) -> int: ...

    def to(self, device: torch.device | str) -> Self:
        """The same on a device."""
        ...

    def batches(self, batch_size: int, rng: torch.Generator) -> Iterator[Batch]:
        """One epoch, in an order drawn from `rng`: images (B, C, H, W) in [-1, 1], or tuples that begin with them."""
        ...


def share_of(batch: Batch, rank: int, processes: int) -> Batch:
    """One process's part of a batch, of every `processes`-th image from number `rank` on."""
    if isinstance(batch, Tensor):
        return batch[rank::processes]
    return tuple(part[rank::processes] for part in batch)


@dataclass(frozen=True)
class LabelledImages:
    """Images in batches (x, y): x (B, C, H, W) float32 in [-1, 1], y (B,) int64 labels, or (B, F) for F an image.

    Raises DataError for images without labels.
    """

    images: Images

    def __post_init__(self) -> None:
        if self.images.labels is None:
            raise DataError(f"{self.images.name} has no labels; give Images(pixels, labels).")

    @property
    def name(self) -> str:
        """As of all `TrainingData`."""
        return f"{self.images.name}, labelled"

    @property
    def fingerprint(self) -> str:
        """As of all `TrainingData`."""
        assert self.images.labels is not None
        labels = self.images.labels.cpu().contiguous().numpy().tobytes()
        return hashlib.sha256(self.images.fingerprint.encode() + labels).hexdigest()

    def __len__(self) -> int:
        return len(self.images)

    def to(self, device: torch.device | str) -> LabelledImages:
        """The same on a device."""
        return LabelledImages(self.images.to(device))

    def batches(self, batch_size: int, rng: torch.Generator) -> Iterator[tuple[Tensor, Tensor]]:
        """One epoch: every image once with its label, in an order drawn from `rng`, without the last, smaller batch."""
        assert self.images.labels is not None
        for index in self.images.order(batch_size, rng):
            yield scale(self.images.rows(index)), self.images.labels[index.to(self.images.labels.device)]


@dataclass(frozen=True)
class AlignedPairs:
    """Pairs of images that show the same thing: batches (a, b), each (B, C, H, W) float32 in [-1, 1], row by row.

    Raises DataError for other numbers of images on the two sides, or other heights and widths.
    """

    a: Images
    b: Images

    def __post_init__(self) -> None:
        if len(self.a) != len(self.b):
            raise DataError(
                f"{self.a.name} has {len(self.a)} images, {self.b.name} has {len(self.b)}: give each a partner."
            )
        if self.a.shape[1:] != self.b.shape[1:]:
            raise DataError(
                f"{self.a.name} has images of {self.a.shape[1:]} pixels, {self.b.name} of {self.b.shape[1:]}: "
                "scale one of them."
            )

    @property
    def name(self) -> str:
        """As of all `TrainingData`."""
        return f"pairs of {self.a.name} and {self.b.name}"

    @property
    def fingerprint(self) -> str:
        """As of all `TrainingData`."""
        return hashlib.sha256(f"{self.a.fingerprint} {self.b.fingerprint}".encode()).hexdigest()

    def __len__(self) -> int:
        return len(self.a)

    def to(self, device: torch.device | str) -> AlignedPairs:
        """The same on a device."""
        return replace(self, a=self.a.to(device), b=self.b.to(device))

    def batches(self, batch_size: int, rng: torch.Generator) -> Iterator[tuple[Tensor, Tensor]]:
        """One epoch: every pair once, in an order drawn from `rng`, without the last, smaller batch."""
        for index in self.a.order(batch_size, rng):
            yield scale(self.a.rows(index)), scale(self.b.rows(index))


@dataclass(frozen=True)
class UnalignedPairs:
    """Two sets of images with no partners: batches (a, b), each (B, C, H, W) in [-1, 1], each set in its own order.

    An epoch is as long as the smaller set; of the larger one, every epoch shows another part.
    """

    a: Images
    b: Images

    @property
    def name(self) -> str:
        """As of all `TrainingData`."""
        return f"{self.a.name} and {self.b.name}"

    @property
    def fingerprint(self) -> str:
        """As of all `TrainingData`."""
        return hashlib.sha256(f"unaligned {self.a.fingerprint} {self.b.fingerprint}".encode()).hexdigest()

    def __len__(self) -> int:
        return min(len(self.a), len(self.b))

    def to(self, device: torch.device | str) -> UnalignedPairs:
        """The same on a device."""
        return replace(self, a=self.a.to(device), b=self.b.to(device))

    def batches(self, batch_size: int, rng: torch.Generator) -> Iterator[tuple[Tensor, Tensor]]:
        """One epoch of the smaller set, beside as many images of the other, both in orders drawn from `rng`."""
        orders = [list(images.order(batch_size, rng)) for images in (self.a, self.b)]
        for index_a, index_b in zip(*orders, strict=False):
            yield scale(self.a.rows(index_a)), scale(self.b.rows(index_b))


def first_pairs(data: AlignedPairs | UnalignedPairs, n: int) -> AlignedPairs | UnalignedPairs:
    """The first n of both sides, n pairs where they are aligned. Raises DataError where a side has fewer."""
    return replace(data, a=data.a.subset(n), b=data.b.subset(n))
