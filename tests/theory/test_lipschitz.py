"""The steepest place of a critic, found by search, and what its layers allow: functions whose slope is known."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import nn

from gancourse.theory.lipschitz import (
    clipping_bound,
    gradient_norms,
    largest_secant,
    largest_slope,
    layer_slopes,
    penalised_slope,
    slope_bound,
)
from gancourse.theory.playground import Net
from gancourse.theory.transport import w1_assignment
from gancourse.training.penalties import spectral_norm


class Function(nn.Module):
    """A critic that is any function of points (B, d)."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x):
        return self.function(x)


@pytest.fixture
def xy():
    rng = torch.Generator().manual_seed(0)
    return torch.randn(200, 2, generator=rng), torch.randn(150, 2, generator=rng) + 1


@pytest.fixture
def critic():
    torch.manual_seed(0)
    return Net(1, layers=3, width=32)


def test_a_linear_critic_has_one_slope_and_the_search_and_the_bound_know_it(xy):
    layer = nn.Linear(2, 1)
    linear = nn.Sequential(layer, nn.Flatten(0))
    with torch.no_grad():
        layer.weight[:] = torch.tensor([[3.0, -4.0]])
    slope = largest_slope(linear, *xy)
    assert slope.largest == pytest.approx(5.0, rel=1e-9) and slope.data == pytest.approx(5.0, rel=1e-9)
    assert 4.5 < slope.secant <= 5.0 + 1e-9  # some pair lies nearly along the slope
    assert slope_bound(linear, xy[0]) == pytest.approx(5.0, rel=1e-9)
    assert gradient_norms(linear, xy[0]).tolist() == pytest.approx([5.0] * 200)


def stairs(x):
    return sum((x - 3 - k / 2).relu() for k in range(1, 9)) - 8 * (x - 7.2).relu()


@pytest.mark.parametrize(
    ("function", "true"),
    [
        (lambda x: torch.tanh(30 * (x[:, 0] - 2.2)) / 7.5, 4.0),  # steepest where no point starts
        (lambda x: (5 * x[:, 1]).sin() + x[:, 0], math.sqrt(26)),
        (lambda x: stairs(x[:, 0]), 8.0),  # ever steeper flat pieces, and then none: |grad s| has no gradient
    ],
    ids=["smooth step", "waves", "stairs"],
)
def test_the_search_finds_the_steepest_place(function, true, xy):
    slope = largest_slope(Function(function), *xy)
    assert slope.largest == pytest.approx(true, rel=0.01)
    assert slope.largest >= max(slope.data, slope.between, slope.around, slope.secant)
    at = slope.at[None].clone()
    assert gradient_norms(Function(function), at).item() == pytest.approx(slope.largest, rel=1e-6)


def test_in_many_dimensions_it_climbs_where_random_steps_lose_their_way():
    hill = Function(lambda x: 5 * torch.exp(-(x - 1.6).square().sum(1) / 32))  # steepest at distance 4 of its middle
    x, y = torch.randn(2, 50, 30, generator=torch.Generator().manual_seed(0))
    slope = largest_slope(hill, x, y)
    assert slope.largest == pytest.approx(5 / 4 * math.exp(-0.5), rel=0.01)
    assert slope.around < 0.8 * slope.largest


def test_found_lies_between_the_secants_and_the_bound(critic, xy):
    slope = largest_slope(critic, *xy)
    assert 0 < slope.secant <= slope.largest <= slope_bound(critic, xy[0])
    assert largest_slope(critic, *xy).largest == slope.largest  # the same seed, the same search


def test_secants_are_all_pairs_and_make_any_critic_an_honest_ruler(critic, xy):
    x, y = (points[:100].double() for points in xy)
    critic.double()
    with torch.no_grad():
        brute = max((abs(critic(p[None]) - critic(q[None])) / (p - q).norm()).item() for p in x[:8] for q in y[:8])
        gap = (critic(x).mean() - critic(y).mean()).item()
    assert largest_secant(critic, x[:8], y[:8]) == pytest.approx(brute, rel=1e-9)
    assert abs(gap) / largest_secant(critic, x, y) <= w1_assignment(x, y) + 1e-12
    assert largest_secant(critic, x[:1], x[:1]) == 0.0  # one point is no pair


def test_measuring_changes_nothing_in_the_critic(critic, xy):
    spectral_norm(critic)
    before = {name: value.clone() for name, value in critic.state_dict().items()}
    largest_slope(critic, *xy)
    slope_bound(critic, xy[0])
    assert critic.training and all(p.grad is None and p.requires_grad for p in critic.parameters())
    assert all(torch.equal(value, before[name]) for name, value in critic.state_dict().items())


# ------------------------------------------------------------------------------------------------------ the bound


def test_the_bound_is_the_product_of_the_layers_that_run(critic, xy):
    layers: list[Any] = [layer for layer in critic.net if isinstance(layer, nn.Linear)]
    expected = math.prod(torch.linalg.matrix_norm(layer.weight, 2).item() for layer in layers)
    assert slope_bound(critic, xy[0]) == pytest.approx(expected, rel=1e-6)
    idle = nn.Sequential(critic, nn.Identity())
    idle.register_module("unused", nn.Linear(2, 2))
    assert [name.split()[-1] for name, _ in layer_slopes(critic, xy[0])] == ["Linear", "LeakyReLU"] * 3 + ["Linear"]
    steep = nn.Sequential(critic, nn.Unflatten(0, (-1, 1)), nn.LeakyReLU(-3.0), nn.Sigmoid())
    assert slope_bound(steep, xy[0]) == pytest.approx(expected * 3 / 4, rel=1e-6)


@pytest.mark.parametrize("transposed", [False, True])
def test_a_convolutions_norm_is_that_of_its_whole_matrix(transposed):
    torch.manual_seed(0)
    kind = nn.ConvTranspose2d if transposed else nn.Conv2d
    layer = kind(2, 3, 3, stride=2, padding=1).double()
    basis = torch.eye(2 * 7 * 7, dtype=torch.float64).reshape(-1, 2, 7, 7)
    with torch.no_grad():
        matrix = (layer(basis) - layer(torch.zeros_like(basis))).flatten(1)
    true = torch.linalg.matrix_norm(matrix, 2).item()
    assert slope_bound(layer, torch.zeros(1, 2, 7, 7)) == pytest.approx(true, rel=1e-3)


def test_batch_norm_counts_as_in_eval_mode():
    norm = nn.BatchNorm2d(2)
    norm.running_var = torch.tensor([0.04, 4.0])
    with torch.no_grad():
        norm.weight[:] = torch.tensor([-2.0, 1.0])
    assert slope_bound(norm, torch.zeros(1, 2, 3, 3)) == pytest.approx(2 / 0.2, rel=1e-3)


def test_spectral_norm_keeps_the_product_at_one(xy):
    torch.manual_seed(0)
    critic = spectral_norm(Net(1, layers=3, width=32))
    for p in critic.parameters():
        p.data *= 20
    for _ in range(100):
        critic(xy[0])
    assert slope_bound(critic, xy[0]) == pytest.approx(1.0, abs=1e-3)
    assert largest_slope(critic, *xy).largest <= 1.001


@pytest.mark.parametrize("clip", [0.01, 0.1])
def test_clipping_bounds_the_slope_and_the_bound_is_reached(clip, xy):
    torch.manual_seed(0)
    critic = Net(1, layers=3, width=32)
    for p in critic.parameters():
        p.data.clamp_(-clip, clip)
    assert largest_slope(critic, *xy).largest <= slope_bound(critic, xy[0]) <= clipping_bound(critic, clip)
    for p in critic.parameters():
        p.data.fill_(clip)
    upwards = [points.abs() + 1 for points in xy]  # where all inputs are positive, so is every unit
    assert largest_slope(critic, *upwards).largest == pytest.approx(clipping_bound(critic, clip), rel=1e-6)
    assert clipping_bound(critic, clip) == pytest.approx(clip**4 * math.sqrt(64) * 32 * 32 * math.sqrt(32))


@pytest.mark.parametrize(("w1", "weight"), [(3.0, 10.0), (0.5, 0.1)])
def test_the_penalised_slope_is_the_best_one(w1, weight):
    slopes = torch.linspace(0, 10, 100_001, dtype=torch.float64)
    best = slopes[(slopes * w1 - weight * (slopes - 1) ** 2).argmax()].item()
    assert penalised_slope(w1, weight) == pytest.approx(best, abs=1e-3)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: largest_slope(Net(1, 1, 4), torch.zeros(0, 2), torch.zeros(3, 2)), r"x has shape \(0, 2\)"),
        (lambda: largest_slope(Net(1, 1, 4), torch.zeros(3, 2), torch.zeros(3, 5)), r"y \(3, 5\), expected"),
        (lambda: slope_bound(nn.Sequential(nn.PReLU()), torch.zeros(1, 2)), "layer '0' is a PReLU, whose slope"),
        (lambda: clipping_bound(Net(1, 1, 4), 0.0), "clip is 0.0, expected a number above 0"),
        (lambda: clipping_bound(nn.Conv2d(1, 1, 3), 0.1), "Conv2d is no chain of Linear layers"),
        (lambda: penalised_slope(1.0, 0.0), "weight is 0.0"),
    ],
)
def test_errors_name_the_value(call, message):
    with pytest.raises(ValueError, match=message):
        call()
