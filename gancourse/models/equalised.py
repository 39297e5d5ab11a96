"""Layers whose weights are scaled where they are used (equalised learning rate), and the blur that goes with them.

From ProGAN (Karras et al. 2018) by way of StyleGAN; `models.stylegan` is built of them.
"""

from __future__ import annotations

import contextlib
import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gancourse.models.base import wide

_TAPS = (1.0, 3.0, 3.0, 1.0)


def no_autocast(device: str) -> contextlib.AbstractContextManager[Any]:
    """A context in which nothing is rounded to a half type."""
    known = torch.amp.is_autocast_available(device)
    return torch.autocast(device, enabled=False) if known else contextlib.nullcontext()


def blur(x: Tensor, gain: float = 1.0, padding: int = 2) -> Tensor:
    """x (B, C, H, W) smoothed by [1, 3, 3, 1] / 8 along both sides -> (B, C, H + 1, W + 1); 0 beyond the edge.

    (Zhang 2019; Karras et al. 2020, appendix B.) gain: that the sum is multiplied with. padding: with 1, two rows and
    columns less come out.
    """
    taps = torch.tensor(_TAPS, device=x.device) / sum(_TAPS)
    kernel = (gain * taps[:, None] * taps).to(x.dtype)
    return F.conv2d(x, kernel.expand(x.shape[1], 1, 4, 4), padding=padding, groups=x.shape[1])


def halved(x: Tensor) -> Tensor:
    """x (B, C, H, W) smoothed by [1, 3, 3, 1] / 8, every second row and column of it: (B, C, H / 2, W / 2).

    In float32 also under autocast: bfloat16 has no quick way for it on a CPU.
    """
    with no_autocast(x.device.type):
        y = wide(x)
        taps = torch.tensor(_TAPS, device=x.device, dtype=y.dtype) / sum(_TAPS)
        kernel = (taps[:, None] * taps).expand(x.shape[1], 1, 4, 4)
        return F.conv2d(y, kernel, stride=2, padding=1, groups=x.shape[1]).to(x.dtype)


def upsampled(x: Tensor) -> Tensor:
    """x (B, C, H, W) at twice its size, smoothed by [1, 3, 3, 1]: bilinear interpolation."""
    return F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)


class EqualLinear(nn.Module):
    """x (B, inputs) -> (B, outputs), its weight scaled where it is used (Karras et al. 2018, section 4.1).

    The parameter is N(0, 1) / lr; what multiplies x is weight * lr / sqrt(inputs). Adam moves every parameter by about
    its rate whatever the layer's size, so all layers learn at an equal pace, and this one `lr` times as fast.
    bias: what it begins with. gain: that the output is multiplied with.
    """

    def __init__(self, inputs: int, outputs: int, bias: float = 0.0, lr: float = 1.0, gain: float = 1.0) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs) / lr)
        self.bias = nn.Parameter(torch.full((outputs,), bias / lr))
        self.scale, self.bias_scale = gain * lr / math.sqrt(inputs), gain * lr

    def forward(self, x: Tensor) -> Tensor:
        with no_autocast(x.device.type):  # little work, and w decides everything
            return F.linear(wide(x), wide(self.weight) * self.scale, wide(self.bias) * self.bias_scale)


class EqualConv(nn.Module):
    """A convolution of x (B, inputs, H, W) whose weight, N(0, 1), is divided by sqrt(fan-in) where it is used.

    Without stride it keeps the size; stride 2 is for what `blur` gives, (H + 1, W + 1) -> (H / 2, W / 2). gain: that
    the output is multiplied with. (Karras et al. 2018, section 4.1.)
    """

    def __init__(
        self, inputs: int, outputs: int, kernel: int, stride: int = 1, gain: float = 1.0, bias: bool = True
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs, kernel, kernel))
        self.bias = nn.Parameter(torch.zeros(outputs)) if bias else None
        self.gain, self.scale = gain, gain / math.sqrt(inputs * kernel**2)
        self.stride, self.padding = stride, 0 if stride > 1 else kernel // 2

    def forward(self, x: Tensor) -> Tensor:
        bias = None if self.bias is None else self.bias * self.gain
        return F.conv2d(x, self.weight * self.scale, bias, self.stride, self.padding)
