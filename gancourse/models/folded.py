"""Networks as they are quickest where nothing is learned: BatchNorm folded into the layer before it, and channels_last.

In eval mode BatchNorm is a gain and a bias per channel, which the layer before it can do. What comes out is the same up
to rounding in float32: pixels in [-1, 1] differ by some 1e-6. The networks given stay as they are.
"""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.fusion import fuse_conv_bn_eval, fuse_linear_bn_eval

from gancourse.models.base import Generator
from gancourse.models.fast import from_one_pixel


def folded(layers: nn.Sequential) -> nn.Sequential:
    """A frozen copy of layers in eval mode, for inputs whose axes are in channels_last order or in any other.

    Only plain layers of torch are changed: a subclass, or one with a parametrisation, is copied as it is.
    """
    found: list[nn.Module] = []
    for layer in layers:
        before = found[-1] if found else None
        if isinstance(layer, nn.BatchNorm1d | nn.BatchNorm2d) and layer.track_running_stats:
            if type(before) is nn.Linear:
                found[-1] = fuse_linear_bn_eval(before, layer)
                continue
            if type(before) is nn.Conv2d or type(before) is nn.ConvTranspose2d:
                found[-1] = fuse_conv_bn_eval(before, layer, isinstance(before, nn.ConvTranspose2d))
                continue
        if type(layer) in (nn.ReLU, nn.LeakyReLU):
            found.append(_InPlace(getattr(layer, "negative_slope", 0.0)))
        else:
            found.append(copy.deepcopy(layer))
    if found and type(found[0]) is nn.ConvTranspose2d and _begins(found[0]):
        found[0] = _FromOnePixel(found[0])
    return nn.Sequential(*found).eval().requires_grad_(False).to(memory_format=torch.channels_last)


def quick(G: nn.Module) -> nn.Module:
    """A frozen copy that makes G's images, up to rounding; G itself where it is no chain of plain layers on a CPU.

    G: in eval mode, in float32. What it learns afterwards is not seen.
    """
    if not isinstance(G, Generator) or type(G).forward is not Generator.forward or G.training:
        return G
    plain = all(type(layer).__module__.startswith("torch.nn.modules") for layer in G.net)
    watched = any(part._forward_hooks or part._forward_pre_hooks for part in G.modules())
    elsewhere = any(p.device.type != "cpu" or p.dtype != torch.float32 for p in G.parameters())
    if not plain or watched or elsewhere:
        return G
    made = copy.deepcopy(G)
    made.net = folded(G.net)
    return made


class _InPlace(nn.Module):
    """A LeakyReLU, or ReLU at slope 0, that needs no memory where no gradient is asked for."""

    def __init__(self, slope: float) -> None:
        super().__init__()
        self.slope = slope

    def forward(self, x: Tensor) -> Tensor:
        here = not torch.is_grad_enabled()
        return F.leaky_relu(x, self.slope, inplace=here) if self.slope else F.relu(x, inplace=here)


def _begins(layer: nn.ConvTranspose2d) -> bool:
    return (
        layer.stride == (1, 1)
        and layer.padding == (0, 0)
        and layer.output_padding == (0, 0)
        and layer.groups == 1
        and layer.dilation == (1, 1)
    )


class _FromOnePixel(nn.Module):
    """A first layer of a generator, as `fast.from_one_pixel` computes it, with its bias."""

    def __init__(self, layer: nn.ConvTranspose2d) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: Tensor) -> Tensor:
        y = from_one_pixel(x, self.layer.weight)
        return y if self.layer.bias is None else y + self.layer.bias[:, None, None]
