"""The numbers for "noisy", "blurry" and "checkerboard" move with what they are named after, and with nothing else."""

import math

import pytest
import torch
from torch.nn.functional import avg_pool2d, interpolate

from gancourse.data import mnist, scale
from gancourse.evaluation import artefacts


@pytest.fixture(scope="module")
def digits():
    return scale(mnist("test").pixels[:200])


def test_specks_raise_the_backgrounds_variation_and_leave_the_edges(digits):
    rng = torch.Generator().manual_seed(0)
    noisy = torch.where(torch.rand(digits.shape, generator=rng) < 0.01, torch.ones(()), digits)
    clean, dirty = artefacts.background_variation(digits), artefacts.background_variation(noisy)
    assert clean < 0.5 < 2 < dirty
    assert artefacts.edge_sharpness(noisy) == pytest.approx(artefacts.edge_sharpness(digits), rel=0.05)
    assert artefacts.high_frequency(noisy) > 1.5 * artefacts.high_frequency(digits)


def test_blur_lowers_the_sharpness_of_edges_and_leaves_the_background(digits):
    blurred = avg_pool2d(digits + 1, 3, stride=1, padding=1) - 1
    assert artefacts.edge_sharpness(blurred) < 0.6 * artefacts.edge_sharpness(digits)
    assert artefacts.background_variation(blurred) < 2


def test_a_sharp_square_has_the_values_of_the_definitions():
    x = torch.zeros(1, 1, 28, 28, dtype=torch.uint8)
    x[..., 8:20, 8:20] = 255
    assert artefacts.edge_sharpness(x) == pytest.approx(
        40 / 48
    )  # its four corners are no ink, their neighbours' edges flat
    assert artefacts.background_variation(x) == 0
    assert artefacts.background_variation(torch.full_like(x, 255)) == 0  # no background at all


def test_the_spectrum_finds_the_period_of_a_pattern_and_nothing_at_the_others(digits):
    columns = torch.arange(28)
    for period, k in ((2, 14), (4, 7)):
        pattern = 0.5 * torch.cos(2 * math.pi * columns / period).expand(1, 1, 28, 28)
        power = artefacts.spectrum(pattern)
        assert power[1:].argmax() + 1 == k and power[k] > 0.99 * power[1:].sum()  # [0]: its rows are all alike
    board = (digits + 0.1 * (-1.0) ** (columns[:, None] + columns)).clamp(-1, 1)
    two, four = artefacts.checkerboard(board)
    plain_two, plain_four = artefacts.checkerboard(digits)
    assert two > 5 * plain_two and four == pytest.approx(plain_four, rel=0.05)
    assert plain_two == pytest.approx(1, abs=0.15) and plain_four == pytest.approx(1, abs=0.15)


def test_the_share_of_fine_patterns_counts_negative_frequencies_too():
    white = torch.randn(400, 1, 28, 28, generator=torch.Generator().manual_seed(0)).clamp(-1, 1)
    assert artefacts.high_frequency(white) == pytest.approx(13 / 28, abs=0.03)  # of 28 frequencies, 13 are above 7
    smooth = interpolate(white[:, :, :4, :4], (28, 28), mode="bicubic").clamp(-1, 1)
    assert artefacts.high_frequency(smooth) < 0.02


def test_uint8_and_floats_agree_and_colour_is_refused(digits):
    pixels = mnist("test").pixels[:200]
    assert artefacts.edge_sharpness(pixels) == pytest.approx(artefacts.edge_sharpness(digits), rel=1e-4)
    with pytest.raises(ValueError, match=r"\(2, 3, 8, 8\), expected \(N, 1, H, W\)"):
        artefacts.spectrum(torch.zeros(2, 3, 8, 8))
