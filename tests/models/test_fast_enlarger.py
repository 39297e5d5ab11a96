"""The quick way through an SRResNet: the same numbers as the plain one, also in its gradients."""

from __future__ import annotations

import copy

import pytest
import torch
from torch.nn.functional import conv2d, interpolate, pixel_shuffle

from gancourse.models import SRResNet
from gancourse.models.fast_enlarger import FastEnlarger, before_shuffle, bicubic

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.mark.parametrize("scale", [2, 4, 8])
@pytest.mark.parametrize(("norm", "residual"), [("batch", False), ("none", True)])
def test_pictures_gradients_and_statistics_are_the_same(scale, norm, residual):
    torch.manual_seed(0)
    plain = SRResNet(8, 2, scale, norm, residual=residual).double()
    fast = FastEnlarger(copy.deepcopy(plain))
    x = torch.rand(3, 3, 5, 9, dtype=torch.float64) * 2 - 1
    wanted, found = plain(x), fast(x)
    assert torch.allclose(wanted, found, atol=1e-6)  # the slope of a PReLU and its gradient pass as float32
    cotangent = torch.randn_like(wanted)
    wanted.backward(cotangent)
    found.backward(cotangent)
    for (name, one), other in zip(plain.named_parameters(), fast.inner.parameters(), strict=True):
        assert one.grad is not None and other.grad is not None
        assert torch.allclose(one.grad, other.grad, rtol=1e-5, atol=1e-6 * one.grad.abs().max().item()), name
    assert all(torch.allclose(*pair) for pair in zip(plain.buffers(), fast.inner.buffers(), strict=True))
    plain.eval()
    fast.inner.eval()
    with torch.no_grad():
        assert torch.allclose(plain(3 * x), fast(3 * x), atol=1e-6) and fast(3 * x).abs().max() <= 1


def test_in_bfloat16_it_is_near():
    torch.manual_seed(0)
    plain = SRResNet(8, 2, norm="none", residual=True)
    x = torch.rand(3, 3, 5, 9) * 2 - 1
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        assert (FastEnlarger(plain)(x) - plain(x)).abs().max() < 0.02


def test_a_kernel_before_the_shuffle():
    torch.manual_seed(0)
    weight, x = torch.randn(3, 4, 9, 9, dtype=torch.float64), torch.randn(2, 16, 6, 5, dtype=torch.float64)
    wanted = conv2d(pixel_shuffle(x, 2), weight, padding=4)
    assert torch.allclose(pixel_shuffle(conv2d(x, before_shuffle(weight), padding=2), 2), wanted)


@pytest.mark.parametrize("scale", [2, 4, 8])
def test_bicubic_by_matrices(scale):
    x = torch.randn(2, 3, 5, 7)
    wanted = interpolate(x, scale_factor=scale, mode="bicubic", align_corners=False)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.allclose(bicubic(x, scale), wanted, atol=1e-5)
