"""Spectral normalisation (Miyato et al. 2018), and when its estimate may move.

PyTorch's parametrisation keeps a pair of vectors for each weight, u and v, and improves them by one power iteration
whenever the weight is read in train mode: so looking at a network in train mode changes it, and two forward passes of
one step see two different weights. `computed_once` and `held` say which reading counts.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import torch
from torch import nn
from torch.nn.utils import parametrizations, parametrize


def spectral_norm(network: nn.Module) -> nn.Module:
    """Divide every Linear's and convolution's weight by its largest singular value, in place (Miyato et al. 2018).

    Estimated by one power iteration at each use in train mode. A D so limited has a bounded slope whatever it learns.
    A convolution's weight is taken as the matrix (out, in x h x w). The layer itself may then stretch by more than 1:
    by at most the square root of the number of windows that a pixel is in, 2 for a 4 x 4 kernel with stride 2.
    """
    for layer in network.modules():
        if isinstance(layer, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
            parametrizations.spectral_norm(layer)
    return network


def normalised(network: nn.Module) -> list[Any]:
    """The layers whose weight is a parametrisation, as `spectral_norm` makes them; without any, an empty list."""
    return [layer for layer in network.modules() if parametrize.is_parametrized(layer, "weight")]


@contextlib.contextmanager
def computed_once(network: nn.Module) -> Iterator[None]:
    """Inside, every weight is one tensor, however often it is read: in train mode, one power iteration for all of it.

    The weights are computed on entering, in their own type also under autocast. One backward pass may go through them.
    """
    layers = normalised(network)
    if not layers:
        yield
        return
    device = next(network.parameters()).device.type  # a layer's weight would be computed by asking it
    with parametrize.cached():
        with torch.autocast(device, enabled=False):
            for layer in layers:
                _ = layer.weight
        yield


@contextlib.contextmanager
def held(network: nn.Module) -> Iterator[None]:
    """Inside, reading a weight makes no power iteration, also in train mode: u and v stay as they are."""
    parts = [part for layer in normalised(network) for part in layer.parametrizations.modules()]
    before = [part.training for part in parts]
    for part in parts:
        part.training = False
    try:
        yield
    finally:
        for part, training in zip(parts, before, strict=True):
            part.training = training
