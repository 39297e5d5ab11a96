"""Borrowed features: what a network that was trained on photographs sees in a picture, as a ruler for others.

A loss on them (the content loss of Johnson et al. 2016 and Ledig et al. 2017) compares what is shown instead of pixels;
a discriminator on them (Sauer et al. 2021, Projected GAN) need not learn to see. Ledig et al. took VGG19's; ours are
those of EfficientNet-Lite0, which has a thirtieth of its parameters. `random_features` is the same network without
what it learned, the control for every claim that the learning mattered.
"""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gancourse.models.efficientnet import CHANNELS, STRIDES, TAPS, EfficientNetLite0, Layer, PictureError
from gancourse.models.feature_weights import FeatureWeightsError, trained_network

__all__ = [
    "CHANNELS",
    "STRIDES",
    "TAPS",
    "EfficientNetLite0",
    "FeatureWeightsError",
    "FrozenFeatures",
    "PictureError",
    "borrowed_features",
    "clamped",
    "random_features",
]


class FrozenFeatures(nn.Module):
    """An EfficientNetLite0 that only looks: pictures (B, 3, H, W) in [-1, 1] -> its four maps (Sauer et al. 2021).

    The maps are (B, 24, H/4, W/4), (B, 40, H/8, W/8), (B, 112, H/16, W/16) and (B, 320, H/32, W/32), sizes rounded up;
    H and W are at least 32. Gradients pass to the pictures and none to the weights. The network given is copied.

    It is in eval mode for good. A known error is to call `train()` on a model that holds such a network: its BatchNorms
    then judge each picture by its neighbours in the batch and forget what they had stored. Here `train` changes
    nothing, and there is no BatchNorm left: each is folded into the convolution before it, which gives the same maps
    up to rounding in three fifths of the time.
    A generator whose last layer is linear leaves [-1, 1] while it trains: `clamped` brings its pictures back.
    Raises ShapeError and PictureError as EfficientNetLite0 does.
    """

    def __init__(self, network: EfficientNetLite0) -> None:
        super().__init__()
        self.network = copy.deepcopy(network).eval()
        for layer in self.network.modules():
            if isinstance(layer, Layer):
                layer.fold()
        self.network.requires_grad_(False).to(memory_format=torch.channels_last)
        super().train(False)

    def train(self, mode: bool = True) -> FrozenFeatures:
        """Itself, still in eval mode, whatever `mode` is."""
        return self

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        if x.ndim == 4:  # any other shape is the network's to refuse
            x = x.contiguous(memory_format=torch.channels_last)
        maps: tuple[Tensor, Tensor, Tensor, Tensor] = self.network(x)
        return maps


class _Clamped(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return x.float().clamp(-1, 1)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        return gradients[0]


def clamped(x: Tensor) -> Tensor:
    """x clamped to [-1, 1], exactly, float32; the gradient is that of x, so that a generator is pulled back inside."""
    inside: Tensor = _Clamped.apply(x)
    return inside


def borrowed_features(device: torch.device | str = "cpu") -> FrozenFeatures:
    """EfficientNet-Lite0 as it was trained on ImageNet (Tan and Le 2019), frozen: (B, 3, H, W) in [-1, 1] -> four maps.

    Raises FeatureWeightsError where its weights are not in the cache, saying how they get there, or are damaged.
    """
    return FrozenFeatures(trained_network()).to(device)


def random_features(seed: int = 0, device: torch.device | str = "cpu") -> FrozenFeatures:
    """The same network with random weights, frozen: (B, 3, H, W) in [-1, 1] -> four maps. Needs no download.

    Kernels ~ N(0, 2 / fan-in) from `seed` (He et al. 2015). With these alone the maps would fade or grow from layer to
    layer, and ReLU6 would cut them: so each BatchNorm is given the mean and the variance that its layer has on 64
    fixed pictures of noise (`octaves`), and the maps' channels have variances of 1 to 3. Ours, for controls: what
    it does as well as the trained network owes nothing to photographs.
    """
    rng = torch.Generator().manual_seed(seed)
    with torch.random.fork_rng(devices=[]):  # the caller's random numbers stay as they were
        network = EfficientNetLite0()
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, generator=rng)
        elif isinstance(module, nn.BatchNorm2d):
            module.momentum = 1.0  # stored is what the last batch had, and nothing of the initial 0 and 1
    with torch.no_grad():
        network.train()(octaves())
    return FrozenFeatures(network).to(device)


def octaves(n: int = 64, size: int = 64) -> Tensor:
    """n fixed pictures (n, 3, size, size) in [-1, 1] of noise that is coarse and fine in equal parts. Ours.

    Noise at 2, 4, ..., size pixels, each enlarged to `size` and added: a spectrum that falls with frequency, as that
    of photographs does (Field 1987). White noise has next to no large shapes, and statistics taken of it would make
    pictures, which have them, saturate.
    """
    rng = torch.Generator().manual_seed(0)
    x, side = torch.zeros(n, 3, size, size), 2
    while side <= size:
        grey, tint = (torch.randn(n, channels, side, side, generator=rng) for channels in (1, 3))
        x += F.interpolate(grey + 0.3 * tint, (size, size), mode="bilinear")  # what is bright is so in all colours
        side *= 2
    return x.div(5).clamp(-1, 1)
