"""The fast path: the same mathematics as the plain loop, arranged for the hardware.

What pays, and where (found with a profiler; `make bench` measures the sum):
- bfloat16 products where the processor is quicker at them (losses, weights and optimiser stay float32);
- channels_last, the order of axes that convolution kernels want;
- Adam in one kernel instead of a dozen a parameter;
- a transposed convolution of a 1x1 input is a matrix product, and is computed as one;
- a 1x1 convolution with a stride, whoever wrote it, takes the safe way of `pointwise`: channels_last is what brings
  the faulty kernel in;
- a convolution of few pixels and many channels is one with patches (`models.patches`);
- a convolution with one channel on one side keeps no convolution kernel busy: it is a matrix product with
  (un)folded patches, which leaves the general kernel to the layers that are worth it.
A pair of perceptrons has both passes written out, in `training.fast_round`: there half of the time was no product.
`Network` holds the same parameters as the network that it wraps, so checkpoints, samples and plain code never notice.
"""

from __future__ import annotations

import contextlib
import os
import platform
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gancourse.models import patches
from gancourse.models.base import Discriminator, Generator
from gancourse.models.pointwise import without_faulty_kernel

_THIN = 1  # channels; with one, patches and a matrix product win, with three the general kernel (x86, AVX-512)


@dataclass(frozen=True)
class Plan:
    """How a run is computed on this machine: made by `plan`, shown in the run's config."""

    precision: str  # "float32" or "bfloat16" (autocast)
    fast: bool  # the networks run through `Network`, in channels_last
    fused: bool  # Adam in one kernel
    device: str

    def autocast(self) -> contextlib.AbstractContextManager[Any]:
        """The context in which a step is computed."""
        if self.precision == "float32":
            return contextlib.nullcontext()
        return torch.autocast(self.device, torch.bfloat16)

    def prepare(self, network: nn.Module) -> nn.Module:
        """The network to train with: itself, or a faster view of the same parameters."""
        if not self.fast:
            return network
        return Network(network.to(memory_format=torch.channels_last))


def prefers_bfloat16(device: torch.device) -> bool:
    """Whether the device multiplies bfloat16 in hardware, quicker than float32, and ONEDNN_MAX_CPU_ISA allows it.

    Of x86 processors: those with AMX, and AMD's with AVX-512. Intel's AVX-512 has an instruction for it too, which is
    half as fast as float32's products: some virtual machines hide AMX and leave only that.
    """
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    if device.type == "cpu":
        limit = os.environ.get("ONEDNN_MAX_CPU_ISA", "ALL").upper()
        tiles = limit in ("ALL", "DEFAULT") or "AMX" in limit
        if tiles and torch.cpu._is_amx_tile_supported():
            return True
        return (tiles or "BF16" in limit) and torch.cpu._is_avx512_bf16_supported() and not _of_intel()
    return False


def _of_intel() -> bool:
    told = Path("/proc/cpuinfo")
    if told.exists():
        return "GenuineIntel" in told.read_text(encoding="utf-8", errors="replace")
    return "GenuineIntel" in platform.processor()


def plan(precision: str, fast: bool, device: torch.device, *networks: nn.Module) -> Plan:
    """Resolve "auto" for this device and these networks.

    The fast path takes the course's own networks on CPU and CUDA; others, and other devices, take the plain one.
    Raises ValueError when bfloat16 is asked for by name on a device that cannot train in it.
    """
    if precision == "bfloat16" and device.type not in ("cpu", "cuda"):
        raise ValueError(f'precision is "bfloat16", which {device.type} does not train in; use "auto" or "float32".')
    if precision == "auto":
        precision = "bfloat16" if fast and prefers_bfloat16(device) else "float32"
    known = device.type in ("cpu", "cuda")
    own = all(isinstance(n, Generator | Discriminator) for n in networks)
    return Plan(precision, fast and known and own, fast and known, device.type)


class Network(nn.Module):
    """The same parameters as `inner`, a Generator or Discriminator of gancourse.models; a faster forward pass."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        assert isinstance(inner, Generator | Discriminator)
        without_faulty_kernel(inner)
        self.inner = inner
        self.z_size = getattr(inner, "z_size", 0)
        self._chain = isinstance(inner, Discriminator) or inner.chain
        layers = inner.layers if isinstance(inner, Discriminator) else list(inner.net)
        self._steps = [_faster(layer, first=i == 0) for i, layer in enumerate(layers)]
        for i, (layer, after) in enumerate(pairwise(layers)):
            if i > 0 and isinstance(layer, nn.Flatten) and isinstance(after, nn.Linear):
                self._steps[i : i + 2] = [lambda x: x, partial(_flat_linear, layer=after)]

    def forward(self, x: Tensor, code: Tensor | None = None) -> Tensor:
        if not self._chain:  # its layers are told more than one another's output
            images: Tensor = self.inner(x, code)
            return images
        y = self.inner.enter(x)
        for step in self._steps:
            y = step(y)
        return self.inner.leave(y, x, code)


def _faster(layer: nn.Module, first: bool) -> Callable[[Tensor], Tensor]:
    """The quickest way known here to compute one layer."""
    square = isinstance(layer, nn.Conv2d | nn.ConvTranspose2d) and layer.bias is None and layer.groups == 1
    if square and isinstance(layer, nn.ConvTranspose2d):
        if first and layer.padding == (0, 0):
            return partial(from_one_pixel, weight=layer.weight)
        if layer.out_channels <= _THIN:
            return partial(_thin_transposed, layer=layer)
    if square and isinstance(layer, nn.Conv2d) and layer.in_channels <= _THIN:
        return partial(_thin_convolution, layer=layer)
    if square and isinstance(layer, nn.Conv2d) and layer.padding == (0, 0):
        return partial(_to_one_pixel, layer=layer)
    if square and isinstance(layer, nn.Conv2d) and patches.fits(layer):
        return partial(patches.convolution, layer=layer)
    if square and isinstance(layer, nn.ConvTranspose2d) and patches.fits(layer):
        return partial(patches.transposed_convolution, layer=layer)
    return layer


def from_one_pixel(x: Tensor, weight: Tensor) -> Tensor:
    """A transposed convolution of (B, C, 1, 1) without padding: each output pixel is its own C -> C' product."""
    c_in, c_out, h, w = weight.shape
    if x.shape[2:] != (1, 1):
        return F.conv_transpose2d(x, weight)
    rows = weight.permute(0, 2, 3, 1).reshape(c_in, h * w * c_out)
    return (x.flatten(1) @ rows).view(-1, h, w, c_out).permute(0, 3, 1, 2)  # channels_last


def _to_one_pixel(x: Tensor, layer: nn.Conv2d) -> Tensor:
    """A convolution whose kernel is as large as its input: one product."""
    if x.shape[2:] != layer.weight.shape[2:]:
        y: Tensor = layer(x)
        return y
    rows = layer.weight.permute(0, 2, 3, 1).flatten(1)
    return (x.permute(0, 2, 3, 1).flatten(1) @ rows.t())[:, :, None, None]


def _flat_linear(x: Tensor, layer: nn.Linear) -> Tensor:
    """Flatten and Linear: the weight's columns are put into channels_last order, instead of every image's pixels."""
    _, c, h, w = x.shape
    rows = layer.weight.view(-1, c, h, w).permute(0, 2, 3, 1).flatten(1)
    return F.linear(x.permute(0, 2, 3, 1).flatten(1), rows, layer.bias)


def _thin_transposed(x: Tensor, layer: nn.ConvTranspose2d) -> Tensor:
    """A transposed convolution to a few channels: every input pixel paints its patch, and patches are summed."""
    b, c, h, w = x.shape
    k, s, p = layer.kernel_size, layer.stride, _pair(layer.padding)
    painted = x.permute(0, 2, 3, 1).reshape(b, h * w, c) @ layer.weight.flatten(1)
    more = layer.output_padding
    size = (h - 1) * s[0] - 2 * p[0] + k[0] + more[0], (w - 1) * s[1] - 2 * p[1] + k[1] + more[1]
    return F.fold(painted.transpose(1, 2), size, k, stride=s, padding=p)


def _thin_convolution(x: Tensor, layer: nn.Conv2d) -> Tensor:
    """A convolution of a few channels: patches, then one product."""
    b, _, h, _ = x.shape
    k, s, p = layer.kernel_size, layer.stride, _pair(layer.padding)
    seen = F.unfold(x, k, stride=s, padding=p)
    y = seen.transpose(1, 2) @ layer.weight.flatten(1).t()
    return y.view(b, (h + 2 * p[0] - k[0]) // s[0] + 1, -1, layer.out_channels).permute(0, 3, 1, 2)


def _pair(padding: str | tuple[int, ...]) -> tuple[int, ...]:
    assert not isinstance(padding, str)  # "same" is not in any paper of the course
    return padding
