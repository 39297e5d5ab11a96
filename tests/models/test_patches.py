"""Convolutions of few pixels by patches: what the layers give, differentiable as often, and only where it pays."""

from typing import Any

import pytest
import torch
from torch import nn
from torch.autograd import gradcheck, gradgradcheck

from gancourse import models
from gancourse.models import patches
from gancourse.models.fast import Network


@pytest.fixture(autouse=True)
def few_channels(monkeypatch):
    monkeypatch.setattr(patches, "_MANY", 1)


def layers(k, s, p) -> Any:
    rng = torch.Generator().manual_seed(k)
    there, back = nn.Conv2d(3, 5, k, s, p, bias=False), nn.ConvTranspose2d(5, 3, k, s, p, bias=False)
    for layer in (there, back):
        layer.weight.data = torch.randn(layer.weight.shape, generator=rng, dtype=torch.float64)
    return there, back


@pytest.mark.parametrize(
    ("k", "s", "p", "side"), [(4, 2, 1, 8), (3, 1, 1, 4), (3, 2, 0, 7), (5, 3, 2, 6), (2, 2, 0, 4)]
)
def test_values_and_gradients_are_the_layer_s(k, s, p, side):
    there, back = layers(k, s, p)
    assert patches.fits(there) and patches.fits(back)
    rng = torch.Generator().manual_seed(1)
    x = torch.randn(2, 3, side, side, generator=rng, dtype=torch.float64, requires_grad=True)
    small = there(x).detach().requires_grad_()
    assert max(small.shape[2:]) <= 4
    for layer, way, inputs in ((there, patches.convolution, x), (back, patches.transposed_convolution, small)):
        found = []
        for compute in (layer, lambda i, layer=layer, way=way: way(i, layer)):
            y = compute(inputs)
            slope = torch.linspace(-1, 1, y.numel(), dtype=torch.float64).view(y.shape)
            found.append((y, *torch.autograd.grad(y, (inputs, layer.weight), slope)))
        for theirs, ours in zip(*found, strict=True):
            assert ours.shape == theirs.shape
            torch.testing.assert_close(ours, theirs)


def test_it_can_be_differentiated_twice():
    there, back = layers(4, 2, 1)
    x = torch.randn(1, 3, 4, 6, generator=torch.Generator().manual_seed(1), dtype=torch.float64, requires_grad=True)
    z = torch.randn(1, 5, 2, 3, generator=torch.Generator().manual_seed(2), dtype=torch.float64, requires_grad=True)
    for way, layer, inputs in ((patches.convolution, there, x), (patches.transposed_convolution, back, z)):
        assert gradcheck(lambda i, way=way, layer=layer: way(i, layer), (inputs,))
        assert gradgradcheck(lambda i, way=way, layer=layer: way(i, layer).pow(2), (inputs,))


def test_larger_images_and_fewer_channels_are_the_kernel_s(monkeypatch):
    there, back = layers(4, 2, 1)
    there, back = there.float(), back.float()
    for layer, way, few, more in (
        (there, patches.convolution, (1, 3, 9, 9), (1, 3, 10, 8)),
        (back, patches.transposed_convolution, (1, 5, 4, 4), (1, 5, 4, 5)),
    ):
        calls: list[int] = []
        layer.register_forward_hook(lambda *_, calls=calls: calls.append(1))
        way(torch.zeros(few), layer)
        assert not calls
        way(torch.zeros(more), layer)
        assert calls
    monkeypatch.setattr(patches, "_MANY", 4)
    assert not patches.fits(there) and not patches.fits(back)


@pytest.mark.parametrize(
    "other",
    [{"dilation": 2}, {"padding_mode": "circular"}, {"kernel_size": (3, 4)}, {"stride": (1, 2)}, {"padding": "same"}],
)
def test_other_convolutions_are_left_alone(other):
    assert not patches.fits(nn.Conv2d(3, 5, **({"kernel_size": 3} | other), bias=False))


def test_p4_s_inner_layers_take_it(monkeypatch):
    monkeypatch.undo()
    torch.manual_seed(0)
    G, D = models.networks("dcgan128", width=16)
    convolutions = [m for m in (*G.net, *D.net) if isinstance(m, nn.Conv2d | nn.ConvTranspose2d)]
    small = [layer for layer in convolutions if {layer.in_channels, layer.out_channels} == {128, 256}]  # 4 and 8 px
    large = [layer for layer in convolutions if {layer.in_channels, layer.out_channels} == {64, 128}]  # 8 and 16
    assert len(small) == len(large) == 2
    for layer in small:
        monkeypatch.setattr(layer, "forward", lambda x: pytest.fail("the general kernel was used"))
    others: list[int] = []
    for layer in large:
        layer.register_forward_hook(lambda *_: others.append(1))
    Network(D)(Network(G)(torch.randn(2, 100)))
    assert len(others) == 2
