"""Convolutions of few pixels and many channels as patches and one product.

The kernels for convolutions are made for large images. At P4's ends, where 4x4 pixels have 1024 channels, a product of
patches takes some two thirds of their time in float32 and a third in bfloat16 (`make bench` measures the sum); from 16
pixels a side on it is the other way round. Patches and what sums them up are each other's transpose, so either is the
other's gradient, as often as it is taken.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

_FEW = 4  # pixels a side of the smaller image, at most
_MANY = 128  # channels on either side, at least


class Patches(torch.autograd.Function):
    """The k x k patches of images x (B, C, H, W), s pixels apart, p zeros around: (B, H', W', k, k, C)."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, k: int, s: int, p: int) -> Tensor:
        ctx.how = (x.shape[2], x.shape[3]), k, s, p
        b, c, h, w = x.shape
        padded = x.new_zeros(b, h + 2 * p, w + 2 * p, c)
        padded[:, p : p + h, p : p + w] = x.permute(0, 2, 3, 1)
        along_b, along_h, along_w, along_c = padded.stride()
        size = b, (h + 2 * p - k) // s + 1, (w + 2 * p - k) // s + 1, k, k, c
        return padded.as_strided(size, (along_b, s * along_h, s * along_w, along_h, along_w, along_c)).contiguous()

    @staticmethod
    def backward(ctx: Any, *slopes: Tensor) -> Any:
        return Painted.apply(slopes[0], *ctx.how), None, None, None


class Painted(torch.autograd.Function):
    """Images (B, C, H, W), channels_last, onto which patches (B, H', W', k, k, C) are added, s apart, less p around."""

    @staticmethod
    def forward(ctx: Any, patches: Tensor, size: tuple[int, int], k: int, s: int, p: int) -> Tensor:
        ctx.how = k, s, p
        b, rows, columns, _, _, c = patches.shape
        h, w = size
        sums = torch.promote_types(patches.dtype, torch.float32)
        padded = torch.zeros(b, h + 2 * p, w + 2 * p, c, dtype=sums, device=patches.device)
        for i in range(k):
            for j in range(k):
                padded[:, i : i + s * rows : s, j : j + s * columns : s] += patches[:, :, :, i, j]
        image = padded[:, p : p + h, p : p + w].permute(0, 3, 1, 2)
        return image.to(patches.dtype).contiguous(memory_format=torch.channels_last)

    @staticmethod
    def backward(ctx: Any, *slopes: Tensor) -> Any:
        return Patches.apply(slopes[0], *ctx.how), None, None, None, None


def fits(layer: nn.Conv2d | nn.ConvTranspose2d) -> bool:
    """Whether a layer without bias and groups, on a CPU, has many channels, and is square and plain in all else."""
    k, s, p = layer.kernel_size, layer.stride, layer.padding
    if min(layer.in_channels, layer.out_channels) < _MANY or layer.weight.device.type != "cpu":
        return False
    plain = layer.dilation == (1, 1) and layer.padding_mode == "zeros" and not isinstance(p, str)
    return (
        plain and k[0] == k[1] and s[0] == s[1] and p[0] == p[1] and getattr(layer, "output_padding", (0, 0)) == (0, 0)
    )


def convolution(x: Tensor, layer: nn.Conv2d) -> Tensor:
    """layer(x) of images (B, C, H, W); by patches where what comes out has few pixels."""
    k, s, p = layer.kernel_size[0], layer.stride[0], int(layer.padding[0])
    if max(x.shape[2:]) + 2 * p - k >= s * _FEW:
        y: Tensor = layer(x)
        return y
    patches = Patches.apply(x, k, s, p)
    b, h, w = patches.shape[:3]
    rows = layer.weight.permute(0, 2, 3, 1).flatten(1)
    return (patches.view(b * h * w, -1) @ rows.t()).view(b, h, w, -1).permute(0, 3, 1, 2)


def transposed_convolution(x: Tensor, layer: nn.ConvTranspose2d) -> Tensor:
    """layer(x) of images (B, C, H, W); by patches where what goes in has few pixels."""
    if max(x.shape[2:]) > _FEW:
        y: Tensor = layer(x)
        return y
    k, s, p = layer.kernel_size[0], layer.stride[0], int(layer.padding[0])
    b, _, h, w = x.shape
    rows = layer.weight.permute(0, 2, 3, 1).flatten(1)
    patches = (x.permute(0, 2, 3, 1).flatten(0, 2) @ rows).view(b, h, w, k, k, -1)
    image: Tensor = Painted.apply(patches, ((h - 1) * s - 2 * p + k, (w - 1) * s - 2 * p + k), k, s, p)
    return image
