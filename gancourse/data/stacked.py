"""Stacked MNIST: three digits in the three channels of one image, a set of 1,000 kinds that is known exactly.

Each channel of an image is one of MNIST's images, drawn from all of them with replacement and on its own, so that a
generator has to find 1,000 combinations (Metz et al. 2017, section 3.3.1; Srivastava et al. 2017, section 4.2).
The digits of MNIST are not equally frequent, and so neither are the combinations: `mode_shares` says how frequent.
"""

from __future__ import annotations

import torch
from torch import Tensor

from gancourse.data.images import DataError, Images
from gancourse.data.mnist_digits import mnist

MODES = 1000
MOST = 1_000_000  # images, 2,352 bytes each
_BYTES = 3 * 28 * 28


def stacked_mnist(n: int = 60_000, seed: int = 0, split: str = "train") -> Images:
    """n images of three digits: (n, 3, 28, 28) uint8, with labels 0 to 999.

    An image's label is its mode: 100 times the digit of the first channel, 10 times that of the second, plus that of
    the third, so that 042 is a 0, a 4 and a 2.
    seed: the same gives the same images, and n of them are the first n of more.
    split: "train" draws from MNIST's 60,000 training images alone, "test" from its 10,000 test images alone.

    The images take 2,352 bytes each: 141 MB for 60,000, and no more than that while they are made.
    Raises DataError: n below 1 or above 1,000,000 (2.4 GB), another split.
    """
    if split not in ("train", "test"):
        raise DataError(f'split is {split!r}, expected "train" or "test": no image may be drawn from both.')
    if isinstance(n, bool) or not isinstance(n, int) or not 1 <= n <= MOST:
        raise DataError(
            f"n is {n!r}, expected a whole number of images from 1 to {MOST:,} ({MOST * _BYTES / 1e9:.1f} GB)."
        )
    digits = mnist(split)
    assert digits.labels is not None
    # Row by row, so that more images begin with the same ones; a seed's train and test sets are different draws anyway.
    which = torch.randint(len(digits), (n, 3), generator=torch.Generator().manual_seed(seed))
    pixels = digits.pixels[:, 0][which]
    return Images(pixels, mode_of(digits.labels[which]), f"stacked-{split}")


def mode_of(digits: Tensor) -> Tensor:
    """Digits (N, 3), 0 to 9, of the three channels -> modes (N,) int64, 0 to 999: 100 a + 10 b + c."""
    return digits.long() @ torch.tensor([100, 10, 1])


def mode_shares(split: str = "train") -> Tensor:
    """The probability of each mode in stacked MNIST, (1000,) float64: the product of its three digits' frequencies.

    Raises DataError for another split.
    """
    if split not in ("train", "test"):
        raise DataError(f'split is {split!r}, expected "train" or "test".')
    labels = mnist(split).labels
    assert labels is not None
    p = torch.bincount(labels, minlength=10).double() / len(labels)
    return torch.einsum("i,j,k->ijk", p, p, p).flatten()
