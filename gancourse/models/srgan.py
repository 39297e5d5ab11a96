"""SRGAN's networks (Ledig et al. 2017): a ResNet that enlarges pictures, and the judge of what it paints.

The enlarger computes at the size of the small picture, and makes pixels of channels at the very end (Shi et al. 2016).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gancourse.models.base import ShapeError

NORMS = ("batch", "none")


@torch.no_grad()
def icnr_(weight: Tensor, factor: int = 2) -> Tensor:
    """ICNR (Aitken et al. 2017): in place, so that the pixels of each of PixelShuffle's blocks are equal at the start.

    weight: (N, C, k, k) of a convolution before PixelShuffle(factor), already initialised, or its bias (N,); N is a
    multiple of factor^2. Channels c factor^2 to (c + 1) factor^2 - 1 become one block of output channel c; all get the
    first one's weights. The enlargement is then a nearest-neighbour one of what the convolution computes: no checkerboard
    before training. Returns weight. Raises ValueError where factor^2 does not divide the channels.
    """
    block = factor * factor
    if factor < 1 or len(weight) % block:
        raise ValueError(f"weight has {len(weight)} output channels, expected a multiple of factor^2 = {block}.")
    return weight.copy_(weight[::block].repeat_interleave(block, 0))


def checkerboard(x: Tensor, period: int = 4) -> float:
    """How strong a pattern repeats every `period` pixels, in x (N, C, H, W): its root mean square, in the units of x.

    The mean of each block's surroundings is subtracted, so that slopes do not count; what remains is averaged over all
    pixels in the same place of their block, for every picture and channel, which leaves only what repeats; of these
    period^2 numbers the standard deviation, then the root mean square over pictures and channels. A checkerboard of
    +a and -a measures a. Noise of standard deviation s is not 0: about s period / sqrt(H W).
    Raises ShapeError for pictures smaller than two periods.
    """
    if x.ndim != 4 or min(x.shape[2:]) < 2 * period:
        raise ShapeError(f"x has shape {tuple(x.shape)}, expected (N, C, H, W), sides of at least {2 * period}.")
    x = x.detach().float()
    n, c, h, w = x.shape
    local = F.avg_pool2d(x, period, stride=1)
    rest = x[:, :, period // 2 :, period // 2 :][:, :, : h - period + 1, : w - period + 1] - local
    rows, columns = (h - period + 1) // period, (w - period + 1) // period
    rest = rest[:, :, : rows * period, : columns * period].reshape(n, c, rows, period, columns, period)
    places = rest.mean((2, 4))
    return float((places - places.mean((2, 3), keepdim=True)).square().mean().sqrt())


def _norm(norm: str, channels: int) -> list[nn.Module]:
    return [nn.BatchNorm2d(channels)] if norm == "batch" else []


class EnlargerBlock(nn.Module):
    """x (B, C, H, W) -> x + f(x): two 3x3 convolutions, each normalised, a PReLU between them (Ledig et al. 2017)."""

    def __init__(self, channels: int, norm: str) -> None:
        super().__init__()
        bias = norm == "none"
        self.net = nn.Sequential(
            nn.Conv2d(channels, channels, 3, 1, 1, bias=bias),
            *_norm(norm, channels),
            nn.PReLU(),
            nn.Conv2d(channels, channels, 3, 1, 1, bias=bias),
            *_norm(norm, channels),
        )

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = x + self.net(x)
        return y


class SRResNet(nn.Module):
    """x (B, 3, H, W) in [-1, 1], any H and W -> (B, 3, scale H, scale W) (Ledig et al. 2017, 2.1.1 and figure 4).

    A 9x9 convolution and PReLU; residual blocks, one more convolution, and a skip over all of them; for every factor of
    2 a convolution to four times the channels, PixelShuffle and PReLU; a 9x9 convolution. The paper has width 64 and 16
    blocks. norm: "batch" as the paper, or "none", as later enlargers have it (Lim et al. 2017, EDSR; Wang et al. 2018,
    ESRGAN): BatchNorm's statistics of crops are not those of whole pictures. icnr: see `icnr_`; PyTorch's own
    initialisation otherwise. residual: what is said above is added to a bicubic enlargement of x, so that only what
    that one lacks has to be learned (as Kim et al. 2016, VDSR, do; not the paper's, and ours for short runs).
    The paper's text and figure have no activation at the end, its authors' code has a tanh; here the output is linear
    in train mode, and clamped to [-1, 1] in eval mode, where numbers outside would be cut off anyway.
    Raises ValueError for another norm or scale; ShapeError for pictures of other channels.
    """

    def __init__(
        self,
        width: int = 32,
        blocks: int = 8,
        scale: int = 4,
        norm: str = "batch",
        icnr: bool = True,
        residual: bool = False,
    ) -> None:
        super().__init__()
        if norm not in NORMS:
            raise ValueError(f"norm is {norm!r}, expected one of {', '.join(NORMS)}.")
        if scale not in (2, 4, 8):
            raise ValueError(f"scale is {scale!r}, expected 2, 4 or 8.")
        options = {"width": width, "blocks": blocks, "scale": scale, "norm": norm, "residual": int(residual)}
        self.options: Mapping[str, Any] = options
        self.scale, self.blocks, self.residual = scale, blocks, residual
        self.head = nn.Sequential(nn.Conv2d(3, width, 9, 1, 4), nn.PReLU())
        last = [nn.Conv2d(width, width, 3, 1, 1, bias=norm == "none"), *_norm(norm, width)]
        self.body = nn.Sequential(*[EnlargerBlock(width, norm) for _ in range(blocks)], *last)
        up: list[nn.Module] = []
        for _ in range(scale.bit_length() - 1):
            widen = nn.Conv2d(width, 4 * width, 3, 1, 1)
            if icnr:
                assert widen.bias is not None
                icnr_(widen.weight)
                icnr_(widen.bias)
            up += [widen, nn.PixelShuffle(2), nn.PReLU()]
        self.tail = nn.Sequential(*up, nn.Conv2d(width, 3, 9, 1, 4))

    @property
    def reach(self) -> int:
        """How many small pixels to each side an output pixel may depend on: 24 for 8 blocks and scale 4."""
        reach = 4  # of the last convolution, in large pixels
        for _ in range(self.scale.bit_length() - 1):
            reach = (reach + 1) // 2 + 1  # in pixels twice as large; and the convolution there
        return reach + 1 + 2 * self.blocks + 4

    @property
    def receptive_field(self) -> int:
        """Small pixels a side of the square that an output pixel may depend on, 2 `reach` + 1."""
        return 2 * self.reach + 1

    def forward(self, x: Tensor) -> Tensor:
        if x.ndim != 4 or x.shape[1] != 3:
            raise ShapeError(f"pictures have shape {tuple(x.shape)}, expected (B, 3, H, W).")
        features = self.head(x)
        y: Tensor = self.tail(features + self.body(features))
        if self.residual:
            y = y + F.interpolate(x, scale_factor=self.scale, mode="bicubic", align_corners=False)
        return y if self.training else y.clamp(-1, 1)


class SRDiscriminator(nn.Module):
    """Pictures (B, 3, size, size) in [-1, 1] -> logits (B,) (Ledig et al. 2017, 2.1.1 and figure 4).

    Eight 3x3 convolutions with LeakyReLU, BatchNorm in all but the first; every other one has stride 2, after which the
    channels double, from `width` (64 in the paper) to 8 times as many. Then 16 width hidden units and one logit; the
    paper's Sigmoid is the loss's affair. Raises ValueError for a size that is no multiple of 16; ShapeError for
    pictures of another size.
    """

    def __init__(self, width: int = 16, size: int = 64) -> None:
        super().__init__()
        if size < 16 or size % 16:
            raise ValueError(f"size is {size}, expected a multiple of 16.")
        self.options: Mapping[str, Any] = {"width": width, "size": size}
        self.size = size
        layers: list[nn.Module] = [nn.Conv2d(3, width, 3, 1, 1), nn.LeakyReLU(0.2)]
        inputs = width
        for number in range(1, 8):
            outputs = width * 2 ** (number // 2)
            layers.append(nn.Conv2d(inputs, outputs, 3, 1 + number % 2, 1, bias=False))
            layers += [nn.BatchNorm2d(outputs), nn.LeakyReLU(0.2)]
            inputs = outputs
        layers += [nn.Flatten(), nn.Linear(inputs * (size // 16) ** 2, 16 * width), nn.LeakyReLU(0.2)]
        self.net = nn.Sequential(*layers, nn.Linear(16 * width, 1))

    def forward(self, x: Tensor) -> Tensor:
        if x.ndim != 4 or tuple(x.shape[1:]) != (3, self.size, self.size):
            raise ShapeError(f"pictures have shape {tuple(x.shape)}, expected (B, 3, {self.size}, {self.size}).")
        logits: Tensor = self.net(x)
        return logits.flatten()
