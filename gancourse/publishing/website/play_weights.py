"""A generator's layers as the page "Play" computes them: BatchNorm folded into the weights, and these in eight bits.

`folded` gives the layers of a generator, `rounded` those with int8 weights, `images` what PyTorch makes of either, and
`packed` what assets/site/play/network.js reads.
"""

from __future__ import annotations

import base64
import copy
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.fusion import fuse_conv_bn_eval, fuse_linear_bn_eval

from gancourse.models.base import Generator

_AFTER = {nn.ReLU: "relu", nn.LeakyReLU: "leaky", nn.Tanh: "tanh"}
_ACTIVATIONS = {"relu": F.relu, "leaky": lambda x: F.leaky_relu(x, 0.2), "tanh": torch.tanh}
_SLOPE = 0.2  # of LeakyReLU in the course's generators, and in network.js


class Layer(NamedTuple):
    """One layer without BatchNorm, and the activation behind it ("relu", "leaky" or "tanh").

    weight: (outputs, inputs) of a linear layer, (inputs, channels, kernel, kernel) of a transposed convolution, float32
    or, in eight bits, int8. scale: (channels,) float32, what an output channel's int8 weights are multiplied by; None
    where the weights are no integers. bias: (channels,) float32. side: pixels a side of what comes in, 1 for a vector.
    """

    weight: Tensor
    scale: Tensor | None
    bias: Tensor
    side: int
    after: str

    @property
    def real(self) -> Tensor:
        """The weights as real numbers, of the same shape, float32."""
        return self.weight if self.scale is None else self.weight.float() * _along(self.scale, self.weight)

    @property
    def step(self) -> int:
        """How many times as many pixels a side come out as go in; 1 for a first layer and a linear one."""
        return 2 if self.side > 1 else 1


def folded(G: Generator) -> list[Layer]:
    """The layers of a trained generator as it computes in eval mode, its BatchNorm folded into the layer before.

    What the page computes: linear layers, a transposed convolution from 1 x 1, and those of kernel 4, stride 2 and
    padding 1, with ReLU, LeakyReLU(0.2) or tanh behind each. Raises ValueError for anything else, naming it.
    """
    plain = all(getattr(type(G), name) is getattr(Generator, name) for name in ("forward", "enter", "place", "leave"))
    if not (G.chain and plain):
        raise ValueError(
            f"the page cannot compute {type(G).__name__}, which is more than its net; choose another generator."
        )
    found: list[Layer] = []
    side, left = 1, list(copy.deepcopy(G.net).eval().requires_grad_(False))
    while left:
        layer = left.pop(0)
        if not isinstance(layer, nn.Linear | nn.ConvTranspose2d) or not _computed(layer, side):
            raise ValueError(f"the page cannot compute {layer} on {side} x {side}; choose another generator.")
        if left and isinstance(left[0], nn.BatchNorm1d | nn.BatchNorm2d):
            layer = _with_norm(layer, left.pop(0))
        weight = layer.weight
        channels = weight.shape[0 if isinstance(layer, nn.Linear) else 1]
        bias = torch.zeros(channels) if layer.bias is None else layer.bias
        after = left.pop(0) if left else None
        if type(after) not in _AFTER or getattr(after, "negative_slope", _SLOPE) != _SLOPE:
            raise ValueError(f"the page cannot compute {after} behind {layer}; choose another generator.")
        found.append(Layer(weight, None, bias, side, _AFTER[type(after)]))
        if isinstance(layer, nn.ConvTranspose2d):
            side = side * 2 if side > 1 else layer.kernel_size[0]
    return found


def _computed(layer: nn.Linear | nn.ConvTranspose2d, side: int) -> bool:
    if isinstance(layer, nn.Linear):
        return side == 1
    if layer.groups != 1 or max(layer.output_padding) or max(layer.dilation) > 1:
        return False
    square = len(set(layer.kernel_size)) == 1
    if side == 1:
        return square and max(layer.padding) == 0
    return square and (layer.kernel_size[0], layer.stride, layer.padding) == (4, (2, 2), (1, 1))


def _with_norm(layer: nn.Linear | nn.ConvTranspose2d, norm: Any) -> nn.Linear | nn.ConvTranspose2d:
    """The layer that does what it and the BatchNorm behind it do in eval mode."""
    if norm.running_mean is None or norm.running_var is None:
        raise ValueError(f"{norm} keeps no statistics, and cannot be folded.")
    if isinstance(layer, nn.Linear):
        return fuse_linear_bn_eval(layer, norm)
    return fuse_conv_bn_eval(layer, norm, transpose=True)


def _along(channels: Tensor, weight: Tensor) -> Tensor:
    """One number for each output channel, shaped to be multiplied with a weight."""
    return channels[:, None] if weight.ndim == 2 else channels[None, :, None, None]


def rounded(layers: list[Layer]) -> list[Layer]:
    """The same layers in eight bits: w as round(w / scale), where scale is max |w| / 127 of an output channel."""
    found = []
    for layer in layers:
        others = 1 if layer.weight.ndim == 2 else (0, 2, 3)
        scale = layer.weight.abs().amax(others) / 127
        scale = torch.where(scale > 0, scale, torch.ones_like(scale))
        whole = (layer.weight / _along(scale, layer.weight)).round().to(torch.int8)
        found.append(layer._replace(weight=whole, scale=scale))
    return found


@torch.no_grad()
def images(layers: list[Layer], z: Tensor, shape: tuple[int, int, int] = (1, 28, 28)) -> Tensor:
    """What PyTorch makes of z (B, z_size) with these layers: images (B, C, H, W) in [-1, 1], float32."""
    x = z
    for layer in layers:
        if layer.weight.ndim == 2:
            x = F.linear(x, layer.real, layer.bias)
        else:
            x = x[:, :, None, None] if x.ndim == 2 else x
            padding = 1 if layer.step > 1 else 0
            x = F.conv_transpose2d(x, layer.real, layer.bias, stride=layer.step, padding=padding)
        x = _ACTIVATIONS[layer.after](x)
    return x.reshape(-1, *shape)


def packed(layers: list[Layer]) -> list[dict[str, Any]]:
    """Layers in eight bits for network.js: plain numbers and base64, little-endian.

    Weights become rows, one for each number that comes out (of a linear layer) or is added up (of a transposed
    convolution), channels last: what belongs to one pixel lies together. Raises ValueError for weights that are no
    integers, and for an odd number of rows.
    """
    found = []
    for layer in layers:
        if layer.scale is None:
            raise ValueError("the layers are not in eight bits: pass them through rounded() first.")
        rows = layer.weight if layer.weight.ndim == 2 else layer.weight.permute(2, 3, 1, 0).flatten(0, 2)
        if len(rows) % 2:
            raise ValueError(f"a layer has {len(rows)} rows; the page computes them in pairs.")
        found.append(
            {
                "kind": "transposed" if layer.step > 1 else "linear",
                "inputs": rows.shape[1],
                "rows": len(rows),
                "channels": len(layer.bias),
                "side": layer.side,
                "after": layer.after,
                "weights": text(rows.numpy()),
                "scales": text(layer.scale.numpy().astype("<f4")),
                "bias": text(layer.bias.numpy().astype("<f4")),
            }
        )
    return found


def text(numbers: np.ndarray) -> str:
    """An array's numbers, of any shape, in their own type and order, as base64."""
    return base64.b64encode(np.ascontiguousarray(numbers).tobytes()).decode()
