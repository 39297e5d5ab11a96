"""How clean images of strokes on a black background are: numbers for "noisy", "blurry" and "checkerboard".

Each function takes images (N, 1, H, W), uint8 or floats in [-1, 1], and is meant to be read beside its value for real
digits. Ink is where the mean over 3 x 3 pixels is above the middle of the grey scale, so that a single speck is none.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, max_pool2d

_MARGIN = 2  # pixels around the ink that belong to the stroke's edge, and not to the background


def _unit(images: Tensor) -> Tensor:
    """Images as floats in [0, 1]. Raises ValueError for another shape."""
    if images.ndim != 4 or images.shape[1] != 1:
        raise ValueError(f"images have shape {tuple(images.shape)}, expected (N, 1, H, W).")
    return (images.float() + 1) / 2 if images.is_floating_point() else images.float() / 255


def _ink(x: Tensor) -> Tensor:
    return avg_pool2d(x, 3, stride=1, padding=1) > 0.5


def background_variation(images: Tensor) -> float:
    """Mean step between neighbouring background pixels (total variation per pair) of images (N, 1, H, W): 0 to 255.

    Background: at least 3 pixels away from any ink in each direction. 0 where it is flat; P3's "noise".
    """
    x = _unit(images)
    size = 2 * _MARGIN + 1
    background = max_pool2d(_ink(x).float(), size, stride=1, padding=_MARGIN) == 0
    total, pairs = 0.0, 0
    for dim in (2, 3):
        n = x.shape[dim] - 1
        both = background.narrow(dim, 0, n) & background.narrow(dim, 1, n)
        total += x.diff(dim=dim).abs()[both].sum().item()
        pairs += int(both.sum())
    return 255 * total / max(pairs, 1)


def edge_sharpness(images: Tensor) -> float:
    """Mean step between the two pixels on either side of a stroke's edge, images (N, 1, H, W): a share of the scale.

    The edge lies between an ink pixel and a neighbour that is none. 1: from black to white in one pixel.
    """
    x = _unit(images)
    ink = _ink(x)
    total, pairs = 0.0, 0
    for dim in (2, 3):
        n = x.shape[dim] - 1
        edge = ink.narrow(dim, 0, n) != ink.narrow(dim, 1, n)
        total += x.diff(dim=dim).abs()[edge].sum().item()
        pairs += int(edge.sum())
    return total / max(pairs, 1)


def spectrum(images: Tensor) -> Tensor:
    """Mean power at 0, 1, ... W/2 cycles per width of images (N, 1, H, W), both ways averaged: (W // 2 + 1,), float64.

    Of square images, each with its mean removed. Entry k belongs to a pattern that repeats every W / k pixels.
    """
    x = _unit(images).double()
    x = x - x.mean((2, 3), keepdim=True)
    power = torch.fft.fft2(x).abs().square().mean((0, 1))
    across, down = power.sum(0), power.sum(1)
    return ((across + down) / 2)[: x.shape[-1] // 2 + 1]


def high_frequency(images: Tensor) -> float:
    """The share of power at more than W/4 cycles per width of images (N, 1, H, W): patterns finer than 4 pixels."""
    power = spectrum(images)
    both = torch.cat([power, power[1:-1].flip(0)])  # negative frequencies too, as often as they occur
    quarter = len(both) // 4
    return (both[quarter + 1 : len(both) - quarter].sum() / both.sum()).item()


def checkerboard(images: Tensor) -> tuple[float, float]:
    """How far the spectrum of images (N, 1, H, W) stands out at periods of 2 and 4 pixels; 1: not at all.

    Two layers of stride 2 can print both: the last one a pattern that repeats every 2 pixels, the one before every 4.
    """
    p = spectrum(images)
    n = len(p) - 1  # the finest frequency: its neighbours on both sides are one and the same
    return (p[n] / p[n - 1]).item(), (p[n // 2] / (p[n // 2 - 1] * p[n // 2 + 1]).sqrt()).item()
