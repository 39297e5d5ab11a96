"""How near a translated picture is to the true one, and what is left of its church.

PSNR and SSIM are held against torchmetrics by the tests. The church reader of lesson 04 looks at 128 px;
`read_enlarged` shows it pictures of 64.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from gancourse.data.churches import CLASSES
from gancourse.evaluation import church_reader
from gancourse.models.base import ShapeError

_WINDOW, _SIGMA = 11, 1.5  # pixels; Wang et al. 2004
_C1, _C2 = 0.01**2, 0.03**2  # of pictures in [0, 1]


def psnr(x: Tensor, y: Tensor) -> Tensor:
    """10 log10(1 / MSE) of pictures (N, C, H, W) in [-1, 1], as levels in [0, 1]: (N,) in decibels, inf for equal ones.

    Raises ShapeError for two shapes.
    """
    _alike(x, y)
    error = ((x - y) / 2).square().mean((1, 2, 3))
    return -10 * error.log10()


def ssim(x: Tensor, y: Tensor) -> Tensor:
    """Structural similarity (Wang et al. 2004, eq. 13) of pictures (N, C, H, W) in [-1, 1]: (N,), 1 for equal ones.

    Means, variances and the covariance in Gaussian windows of 11 pixels, sigma 1.5, each channel on its own; what lies
    beyond the border is mirrored. Raises ShapeError for two shapes, and for sides below 11 pixels.
    """
    _alike(x, y)
    if min(x.shape[2:]) < _WINDOW:
        raise ShapeError(f"pictures have {x.shape[2]}x{x.shape[3]} pixels, expected at least {_WINDOW} a side.")
    a, b = (x.float() + 1) / 2, (y.float() + 1) / 2
    at = torch.arange(_WINDOW, dtype=torch.float32) - _WINDOW // 2
    bell = torch.exp(-(at**2) / (2 * _SIGMA**2))
    bell /= bell.sum()

    def local(values: Tensor) -> Tensor:
        n, c, h, w = values.shape
        planes = functional.pad(values.reshape(n * c, 1, h, w), (_WINDOW // 2,) * 4, mode="reflect")
        return functional.conv2d(functional.conv2d(planes, bell.view(1, 1, 1, -1)), bell.view(1, 1, -1, 1))

    mean_a, mean_b = local(a), local(b)
    var_a, var_b = local(a * a) - mean_a**2, local(b * b) - mean_b**2
    covariance = local(a * b) - mean_a * mean_b
    likeness = ((2 * mean_a * mean_b + _C1) * (2 * covariance + _C2)) / (
        (mean_a**2 + mean_b**2 + _C1) * (var_a + var_b + _C2)
    )
    return likeness.reshape(len(x), -1).mean(1)


def enlarged(pictures: Tensor) -> Tensor:
    """Pictures (N, 3, H, W) in [-1, 1] at the church reader's size, (N, 3, 128, 128), bicubic."""
    parts = [
        functional.interpolate(part, (128, 128), mode="bicubic", align_corners=False).clamp(-1, 1)
        for part in pictures.split(250)
    ]
    return torch.cat(parts)


def read_enlarged(pictures: Tensor) -> dict[str, Tensor]:
    """Factors of churches (N, 3, 64, 64) in [-1, 1], as the church reader reads them enlarged: name -> (N,) int64."""
    return church_reader.read(enlarged(pictures))


def error_inside(x: Tensor, y: Tensor, maps: Tensor, name: str) -> float:
    """The mean of |x - y| inside the pixels of one class, in levels of 255; nan where there are none.

    x, y: pictures (N, C, H, W) in [-1, 1]. maps: their label maps (N, H, W). name: one of CLASSES.
    """
    _alike(x, y)
    inside = (maps == CLASSES.index(name))[:, None].expand_as(x)
    return ((x - y)[inside].abs().mean() * 127.5).item()


def colourfulness(x: Tensor, maps: Tensor, name: str) -> float:
    """The mean distance of a class's pixels from grey, in levels of 255: of each from its own mean over R, G and B.

    x: pictures (N, 3, H, W) in [-1, 1]. maps: their label maps (N, H, W). name: one of CLASSES.
    """
    grey = x.mean(1, keepdim=True)
    away = (x - grey).square().sum(1).sqrt()
    return (away[maps == CLASSES.index(name)].mean() * 127.5).item()


def distinct(draws: Tensor) -> Tensor:
    """How many different values each column has; draws (draws, N) of whole numbers -> (N,)."""
    ordered = draws.sort(0).values
    return 1 + (ordered[1:] != ordered[:-1]).sum(0)


def colour_transfer(x: Tensor, source: Tensor, target: Tensor) -> Tensor:
    """Pictures with the colours of another set: each channel shifted and stretched (Reinhard et al. 2001, in RGB).

    x: pictures (N, C, H, W) in [-1, 1] of the kind of `source`. Mean and standard deviation of each channel over all of
    `source` become those over all of `target`; clipped to [-1, 1]. What a translation is worth that only knows colours.
    """
    axes = (0, 2, 3)
    std, mean = torch.std_mean(source, axes, keepdim=True)
    new_std, new_mean = torch.std_mean(target, axes, keepdim=True)
    return ((x - mean) / std * new_std + new_mean).clamp(-1, 1)


def _alike(x: Tensor, y: Tensor) -> None:
    if x.shape != y.shape or x.ndim != 4:
        raise ShapeError(f"pictures have shapes {tuple(x.shape)} and {tuple(y.shape)}, expected (N, C, H, W) twice.")
