"""A conditional pair for digits (Mirza and Osindero 2014): P1's MLPs, told the class beside z and beside the image."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from gancourse.models.base import Z_SIZE, ShapeError

CLASSES = 10


LOUD = 10.0  # how long a label is as a vector: as long as z is, on average, so that it is heard beside it


def check_labels(y: Tensor, n: int, classes: int = CLASSES) -> None:
    """Raises ShapeError where y is not labels (n,) int64 of 0 to classes - 1, saying what it is."""
    if y.shape != (n,) or y.dtype != torch.int64 or (n and not 0 <= int(y.min()) <= int(y.max()) < classes):
        between = f" from {int(y.min())} to {int(y.max())}" if y.numel() else ""
        raise ShapeError(
            f"labels have shape {tuple(y.shape)}, {y.dtype}{between}; expected ({n},), int64, 0 to {classes - 1}; "
            "y.long() makes int64 of whole numbers of another type."
        )


def one_hot(y: Tensor, n: int, loud: float = 1.0) -> Tensor:
    """Labels y (n,) int64, 0 to 9 -> (n, 10) of zeros, `loud` at each label. Raises ShapeError for other labels."""
    check_labels(y, n)
    return loud * nn.functional.one_hot(y, CLASSES).float()


class ConditionalGenerator(nn.Module):
    """z (B, 100) and labels y (B,) -> digits (B, 1, 28, 28) in [-1, 1]: P1's layers, the first of them wider by 10.

    loud: the number that stands at a label's place. ShapeError for another z, and for labels that are no digits.
    """

    z_size = Z_SIZE

    def __init__(self, loud: float = LOUD) -> None:
        super().__init__()
        self.loud = loud
        self.net = nn.Sequential(
            nn.Linear(Z_SIZE + CLASSES, 128),
            nn.LeakyReLU(0.2),
            nn.Linear(128, 256),
            nn.LeakyReLU(0.2),
            nn.Linear(256, 784),
            nn.Tanh(),
        )

    def forward(self, z: Tensor, y: Tensor) -> Tensor:
        if z.ndim != 2 or z.shape[1] != Z_SIZE:
            raise ShapeError(f"z has shape {tuple(z.shape)}, expected (B, {Z_SIZE}): torch.randn(B, {Z_SIZE}).")
        images: Tensor = self.net(torch.cat([z, one_hot(y, len(z), self.loud)], 1))
        return images.view(-1, 1, 28, 28)


class ConditionalDiscriminator(nn.Module):
    """Digits x (B, 1, 28, 28) in [-1, 1] and labels y (B,) -> logits (B,): P1's layers, the first of them wider by 10.

    told False: it is shown a class and cannot use it, since ten zeros stand where the label would. loud: as of G.
    ShapeError for other images, and for labels that are no digits.
    """

    def __init__(self, told: bool = True, loud: float = LOUD) -> None:
        super().__init__()
        self.loud = loud
        self.told = told
        self.options = {"told": int(told)}
        self.net = nn.Sequential(
            nn.Linear(784 + CLASSES, 256),
            nn.LeakyReLU(0.2),
            nn.Linear(256, 128),
            nn.LeakyReLU(0.2),
            nn.Linear(128, 1),
        )

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        if x.ndim != 4 or tuple(x.shape[1:]) != (1, 28, 28):
            raise ShapeError(f"images have shape {tuple(x.shape)}, expected (B, 1, 28, 28).")
        label = one_hot(y, len(x), self.loud)
        logits: Tensor = self.net(torch.cat([x.flatten(1), label if self.told else torch.zeros_like(label)], 1))
        return logits.flatten()
