"""SRGAN's networks: sizes, the order of PixelShuffle, checkerboards, what an output pixel depends on."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn
from torch.nn.functional import interpolate

from gancourse.data.degraded import enlarge_bicubic
from gancourse.models import SRDiscriminator, SRResNet, checkerboard, count_parameters, enlargers, icnr_
from gancourse.models.base import ShapeError

pytestmark = pytest.mark.usefixtures("one_thread")


def made(*options, train: bool = False, **more) -> Any:
    torch.manual_seed(0)
    return SRResNet(*options, **more).train(train)


@pytest.mark.parametrize("scale", [2, 4, 8])
@pytest.mark.parametrize("norm", ["batch", "none"])
def test_pictures_of_any_size_become_larger(scale, norm):
    G = made(4, 1, scale, norm)
    with torch.no_grad():
        assert G(torch.zeros(2, 3, 5, 7)).shape == (2, 3, 5 * scale, 7 * scale)
    assert any(isinstance(part, nn.BatchNorm2d) for part in G.modules()) == (norm == "batch")


def test_the_output_is_linear_in_training_and_clamped_otherwise():
    G = made(4, 1, 2, "none", train=True)
    with torch.no_grad():
        G.tail[-1].weight.mul_(100)
        x = torch.randn(1, 3, 8, 8)
        free, kept = G(x), G.eval()(x)
    assert free.abs().max() > 1 and torch.equal(kept, free.clamp(-1, 1))


def test_a_residual_one_learns_what_bicubic_lacks():
    G = made(4, 1, 4, "none", residual=True)
    assert count_parameters(G) == count_parameters(made(4, 1, 4, "none")) and G.options["residual"] == 1
    x = torch.rand(2, 3, 6, 5) * 1.6 - 0.8
    with torch.no_grad():
        added = made(4, 1, 4, "none", train=True)(x)
        assert torch.allclose(G.train()(x), added + interpolate(x, scale_factor=4, mode="bicubic"), atol=1e-6)
        G.tail[-1].weight.zero_()
        G.tail[-1].bias.zero_()
        assert torch.equal(G.eval()(x), enlarge_bicubic(x, 4))


def test_parameters_by_hand():
    w, blocks = 32, 8
    head, one = 3 * 81 * w + w + 1, 2 * 9 * w * w + 2 * 2 * w + 1  # with PReLU's number, BatchNorm's 2 a channel
    tail = 9 * w * w + 2 * w + 2 * (9 * w * 4 * w + 4 * w + 1) + 3 * 81 * w + 3
    networks = enlargers()
    assert count_parameters(networks["G"]) == head + blocks * one + tail == 247_342
    assert count_parameters(SRResNet(64, 16)) == 1_547_350  # the paper's size
    assert count_parameters(networks["D"]) == 818_785
    layers = [part for part in networks["D"].modules() if isinstance(part, nn.Conv2d)]
    assert [layer.out_channels for layer in layers] == [16, 16, 32, 32, 64, 64, 128, 128]
    assert [layer.stride[0] for layer in layers] == [1, 2] * 4
    assert sum(isinstance(part, nn.BatchNorm2d) for part in networks["D"].modules()) == 7


def test_d_answers_with_logits():
    torch.manual_seed(0)
    D: Any = SRDiscriminator(4, 32).eval()
    x = torch.rand(6, 3, 32, 32) * 2 - 1
    assert D(x).shape == (6,)
    with torch.no_grad():
        D.net[-1].bias.add_(-5)
        assert D(x).max() < 0  # a Sigmoid would keep it above 0
    with pytest.raises(ShapeError, match=r"expected \(B, 3, 32, 32\)"):
        D(torch.zeros(1, 3, 64, 64))


def test_pixel_shuffle_makes_rows_and_columns_of_four_channels_that_follow_each_other():
    """What icnr_ counts on: channels 4c to 4c + 3 are the block of channel c, row by row."""
    x = torch.arange(8.0).view(1, 8, 1, 1)
    assert nn.PixelShuffle(2)(x)[0].tolist() == [[[0, 1], [2, 3]], [[4, 5], [6, 7]]]


def test_icnr_is_a_nearest_neighbour_enlargement():
    torch.manual_seed(0)
    layer: Any
    layer, plain = nn.Conv2d(3, 8, 3, 1, 1), nn.Conv2d(3, 2, 3, 1, 1)
    assert icnr_(layer.weight) is layer.weight
    icnr_(layer.bias)
    with torch.no_grad():
        plain.weight.copy_(layer.weight[::4])
        assert plain.bias is not None
        plain.bias.copy_(layer.bias[::4])
        x = torch.randn(2, 3, 6, 6)
        nearest = plain(x).repeat_interleave(2, 2).repeat_interleave(2, 3)
        assert torch.allclose(nn.PixelShuffle(2)(layer(x)), nearest, atol=1e-6)
    assert layer.weight.requires_grad
    with pytest.raises(ValueError, match="6 output channels, expected a multiple of factor\\^2 = 4"):
        icnr_(torch.zeros(6, 3, 3, 3))


@pytest.mark.parametrize("scale", [2, 4, 8])
def test_there_is_no_checkerboard_at_the_start_but_without_icnr_there_is(scale):
    flat = torch.full((1, 3, 32, 32), 0.5)
    inner = slice(10 * scale, -10 * scale)  # the padding is not flat
    strengths = []
    for icnr in (True, False):
        G = made(8, 1, scale, "none", icnr, train=True)
        with torch.no_grad():
            strengths.append(checkerboard(G(flat)[..., inner, inner], scale))
    assert strengths[0] < 1e-6 < 1e-3 < strengths[1]


def test_the_measure_of_a_checkerboard_against_made_pictures():
    side = torch.arange(64)
    board = ((side[:, None] + side) % 2 * 2.0 - 1).expand(2, 3, 64, 64)
    slope = (side / 64).expand(2, 3, 64, 64)
    torch.manual_seed(0)
    smooth = nn.functional.interpolate(torch.rand(2, 3, 8, 8), (64, 64), mode="bicubic", align_corners=False)
    assert checkerboard(0.1 * board) == pytest.approx(0.1, rel=1e-4)
    assert checkerboard(slope) < 1e-5
    assert checkerboard(slope + 0.1 * board) == pytest.approx(0.1, rel=1e-3)
    assert checkerboard(smooth + 0.1 * board) == pytest.approx(0.1, rel=0.05) and checkerboard(smooth) < 0.01
    coarse = ((side[:, None] // 2 + side // 2) % 2 * 2.0 - 1).expand(2, 3, 64, 64)
    assert checkerboard(0.1 * coarse, 4) == pytest.approx(0.1, rel=1e-3) and checkerboard(0.1 * coarse, 2) < 0.01
    assert checkerboard(0.1 * torch.randn(8, 3, 64, 64)) == pytest.approx(0.1 * 4 / 64, rel=0.2)
    with pytest.raises(ShapeError, match="at least 8"):
        checkerboard(torch.zeros(1, 3, 7, 64))


@pytest.mark.parametrize(("blocks", "scale"), [(1, 2), (1, 4), (2, 4), (1, 8)])
def test_an_output_pixel_reaches_no_further_than_it_says_and_just_so_far(blocks, scale):
    G = made(2, blocks, scale, train=False).double()
    for part in G.modules():  # positive numbers: nothing that is reached can cancel
        if isinstance(part, nn.Conv2d):
            nn.init.constant_(part.weight, 0.001)
    reach, side = G.reach, 2 * G.reach + 5
    assert G.receptive_field == 2 * reach + 1
    x = torch.rand(1, 3, side, side, dtype=torch.float64, requires_grad=True)
    middle, furthest = side // 2, 0
    for part in G.modules():
        part.training = not isinstance(part, nn.BatchNorm2d)
    y = G(x)  # unclamped, and BatchNorm stands still
    for row in range(scale):
        (grad,) = torch.autograd.grad(y[0, :, middle * scale + row, middle * scale].sum(), x, retain_graph=True)
        touched = grad[0].abs().sum(0).sum(1).nonzero().flatten()
        furthest = max(furthest, int((touched - middle).abs().max()))
    assert furthest == reach


def test_eight_blocks_reach_24():
    assert (made().reach, made(scale=2).reach, made(scale=8).reach, made(64, 16).reach) == (24, 24, 24, 40)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: SRResNet(norm="layer"), "norm is 'layer', expected one of batch, none"),
        (lambda: SRResNet(scale=3), "scale is 3, expected 2, 4 or 8"),
        (lambda: SRDiscriminator(size=40), "size is 40, expected a multiple of 16"),
    ],
)
def test_bad_options_are_named(make, said):
    with pytest.raises(ValueError, match=said):
        make()


def test_another_number_of_channels_is_refused():
    with pytest.raises(ShapeError, match=r"\(1, 1, 8, 8\), expected \(B, 3, H, W\)"):
        made(4, 1)(torch.zeros(1, 1, 8, 8))
