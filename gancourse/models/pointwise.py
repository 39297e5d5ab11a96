"""A 1x1 convolution that skips pixels, computed without the kernel that writes where it must not.

oneDNN writes past its buffer in the weight gradient of a 1x1 convolution with a stride above 1, channels_last, with few
input channels and an even size, where it takes its AVX2 kernel: on processors without AVX-512, and anywhere under
ONEDNN_MAX_CPU_ISA=AVX2. The process dies ("corrupted double-linked list", "free(): invalid pointer") or goes on with
spoilt memory. Such a layer reads every stride-th pixel and no other. Taking those first and then multiplying with
stride 1 is the same sum over the same numbers, and never asks for that kernel.

Tried, and seen to crash with 1 to 5 input channels at 14x14, batch 6: torch 2.6.0 (oneDNN 3.5.3), 2.11.0 (3.10.2) and
2.15.0 (3.13.3). With stride 1, at 13x13 and in contiguous order none did. The way round is taken whatever the version
and the processor: it is less work, and whether the fault is there cannot be tried safely.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F


class StridedPointwise(nn.Conv2d):
    """nn.Conv2d with a 1x1 kernel and any stride: the same parameters, state dict, output and gradients.

    (B, c_in, H, W) -> (B, c_out, ceil(H / stride), ceil(W / stride)) without padding.
    """

    def forward(self, x: Tensor) -> Tensor:
        if self.padding_mode != "zeros":
            x = F.pad(x, self._reversed_padding_repeated_twice, mode=self.padding_mode)
        elif not isinstance(self.padding, str) and any(
            self.padding
        ):  # "same" is refused with a stride, "valid" is none
            x = F.pad(x, self._reversed_padding_repeated_twice)
        down, across = self.stride
        return F.conv2d(x[:, :, ::down, ::across], self.weight, self.bias, groups=self.groups)

    def _get_name(self) -> str:  # so that it is printed as what it computes
        return "Conv2d"


def without_faulty_kernel(network: nn.Module) -> nn.Module:
    """The same network; every plain nn.Conv2d in it with a 1x1 kernel and a stride becomes a StridedPointwise.

    In place, whoever wrote the layer: parameters, hooks, mode and state-dict keys stay. A subclass with a forward of
    its own, and a call of F.conv2d, stay as they are.
    """
    for layer in network.modules():
        if type(layer) is nn.Conv2d and layer.kernel_size == (1, 1) and max(layer.stride) > 1:
            layer.__class__ = StridedPointwise
    return network
