"""W1 by sorting, by assignment, by the primal and by the dual programme: one number, and the laws of a distance."""

from __future__ import annotations

import builtins
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from gancourse import theory
from gancourse.theory import LOG2, Normal, Uniform, kantorovich, transport
from gancourse.theory.kantorovich import Potential, kantorovich_dual, lipschitz_extension
from gancourse.theory.transport import assignment, moving_bars, transport_plan, w1_assignment, w1_sorted

QUICK = settings(max_examples=30, deadline=None, derandomize=True)
SEEDS = st.integers(0, 10_000)


def cloud(seed, n, d):
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def weights(seed, n):
    w = torch.rand(n, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return w / w.sum()


# ------------------------------------------------------------------------------------ one number, several ways


@QUICK
@given(SEEDS, st.integers(1, 12))
def test_on_the_line_sorting_assignment_and_both_programmes_agree(seed, n):
    a, b = cloud(seed, n, 1), 2 * cloud(seed + 1, n, 1) + 1
    by_sorting = w1_sorted(a, b)
    assert by_sorting == pytest.approx(w1_assignment(a, b), abs=1e-12)
    assert by_sorting == pytest.approx(transport_plan(a, b).cost, abs=1e-6)
    assert by_sorting == pytest.approx(kantorovich_dual(a, b).gap, abs=1e-6)


@QUICK
@given(SEEDS, st.integers(1, 9), st.integers(1, 9))
def test_on_the_line_unequal_samples_and_weights(seed, n, m):
    a, b, p, q = cloud(seed, n, 1)[:, 0], cloud(seed + 1, m, 1)[:, 0], weights(seed, n), weights(seed + 1, m)
    assert w1_sorted(a, b) == pytest.approx(stats.wasserstein_distance(a, b), abs=1e-12)
    assert w1_sorted(a, b, p, q) == pytest.approx(stats.wasserstein_distance(a, b, p, q), abs=1e-12)
    assert w1_sorted(a, b, p, q) == pytest.approx(transport_plan(a, b, p, q).cost, abs=1e-6)


@QUICK
@given(SEEDS, st.integers(1, 10), st.integers(1, 10), st.integers(1, 4))
def test_primal_is_dual_on_weighted_points(seed, n, m, d):
    a, b, p, q = cloud(seed, n, d), cloud(seed + 1, m, d) + 0.5, weights(seed, n), weights(seed + 1, m)
    plan, f = transport_plan(a, b, p, q), kantorovich_dual(a, b, p, q)
    assert plan.cost == pytest.approx(f.gap, abs=1e-6)
    assert torch.allclose(plan.mass.sum(1), p, atol=1e-7) and torch.allclose(plan.mass.sum(0), q, atol=1e-7)
    assert plan.mass.min() >= -1e-9
    i, j = (plan.mass > 1e-6).nonzero().T  # where mass moves, f falls by all of the distance: slope 1 along the way
    assert torch.allclose(f.values[:n][i] - f.values[n:][j], (a[i] - b[j]).norm(dim=1), atol=1e-6)


@QUICK
@given(SEEDS, st.integers(1, 10))
def test_assignment_is_the_best_permutation(seed, n):
    a, b = cloud(seed, n, 3), cloud(seed + 1, n, 3)
    partner = assignment(a, b)
    assert sorted(partner.tolist()) == list(range(n))
    assert (a - b[partner]).norm(dim=1).mean().item() == pytest.approx(w1_assignment(a, b), abs=1e-12)
    assert w1_assignment(a, b) == pytest.approx(transport_plan(a, b).cost, abs=1e-6)
    assert w1_assignment(a, b) <= (a - b).norm(dim=1).mean() + 1e-12  # the identity is one permutation of many


def test_values_of_a_density_as_weights_give_the_distance_of_densities():
    x = theory.grid(-12.0, 12.0, 4000)
    p, q = Normal(-1.0, 0.8)(x), Normal(1.5, 1.2)(x)
    cell = x[1] - x[0]
    expected = theory.wasserstein_1d(p, q, x).item()
    assert w1_sorted(x, x, p * cell, q * cell) == pytest.approx(expected, abs=1e-9)
    u = (torch.arange(4000, dtype=torch.float64) + 0.5) / 4000  # equally likely quantiles in the place of a sample
    assert w1_sorted(Normal(-1.0, 0.8).quantile(u), Normal(1.5, 1.2).quantile(u)) == pytest.approx(expected, abs=1e-3)


def test_known_distances():
    assert w1_sorted([0.0], [3.0]) == 3.0
    assert w1_sorted([0, 1], [0, 1, 1, 0]) == 0.0
    assert w1_sorted([0.0, 1.0], [0.5]) == pytest.approx(0.5)
    line = torch.stack([torch.zeros(9), torch.linspace(0, 1, 9)], 1)
    assert w1_assignment(line, line + torch.tensor([0.7, 0.0])) == pytest.approx(0.7)
    assert w1_assignment(torch.zeros(4, 1, 2, 2), torch.ones(4, 1, 2, 2)) == 2.0  # images: |(1, 1, 1, 1)|
    plan = transport_plan([[0.0, 0.0]], [[1.0, 0.0], [0.0, 2.0]], weights_b=[0.25, 0.75])
    assert plan.cost == pytest.approx(0.25 * 1 + 0.75 * 2) and torch.allclose(
        plan.mass, torch.tensor([[0.25, 0.75]]).double()
    )


# ---------------------------------------------------------------------------------------- the laws of a distance

BY = {"sorting": (w1_sorted, 1), "assignment": (w1_assignment, 3), "programme": (lambda *x: transport_plan(*x).cost, 2)}


@pytest.mark.parametrize(("w1", "d"), BY.values(), ids=list(BY))
@QUICK
@given(SEEDS, st.integers(1, 8))
def test_it_is_a_distance_and_a_translation_moves_by_its_length(w1, d, seed, n):
    a, b, c = (cloud(seed + i, n, d) for i in range(3))
    v = cloud(seed + 3, 1, d)
    assert w1(a, a) == pytest.approx(0.0, abs=1e-9) and w1(a, a.flip(0)) == pytest.approx(0.0, abs=1e-9)
    assert w1(a, b) == pytest.approx(w1(b, a), abs=1e-6)
    assert w1(a, c) <= w1(a, b) + w1(b, c) + 1e-6
    assert w1(a, a + v) == pytest.approx(v.norm().item(), abs=1e-6)
    assert w1(3 * a, 3 * b) == pytest.approx(3 * w1(a, b), abs=1e-5)


# ------------------------------------------------------------------------------------------------ the potential


@QUICK
@given(SEEDS, st.integers(1, 8), st.integers(1, 8))
def test_the_potential_is_1_lipschitz_on_the_points_and_off_them(seed, n, m):
    f = kantorovich_dual(cloud(seed, n, 2), cloud(seed + 1, m, 2))
    far = torch.cdist(f.points, f.points)
    assert ((f.values[:, None] - f.values[None, :]).abs() <= far + 1e-12).all()
    assert torch.allclose(f(f.points), f.values, atol=1e-12)
    assert f.values[n:].mean().item() == pytest.approx(0.0, abs=1e-12)
    x = 4 * cloud(seed + 2, 60, 2)
    assert ((f(x)[:, None] - f(x)[None, :]).abs() <= torch.cdist(x, x) + 1e-9).all()


def test_what_the_solver_leaves_over_a_constraint_is_taken_back(monkeypatch):
    def loose(*arguments, **constraints):
        values = transport.solved(*arguments, **constraints)
        return values + 1e-7 * cloud(0, len(values), 1)[:, 0]

    monkeypatch.setattr(kantorovich, "solved", loose)
    f = kantorovich_dual(cloud(0, 6, 2), cloud(1, 6, 2))
    rises = (f.values[:, None] - f.values[None, :]).abs()
    assert (rises <= torch.cdist(f.points, f.points) + 1e-12).all()
    assert f.gap == pytest.approx(w1_assignment(cloud(0, 6, 2), cloud(1, 6, 2)), abs=1e-6)


def test_the_extension_is_mcshanes():
    points, values = torch.tensor([0.0, 2.0]), torch.tensor([0.0, 1.0])
    assert lipschitz_extension(points, values, [-1.0, 0.0, 0.5, 2.0, 3.0]).tolist() == [-1.0, 0.0, -0.5, 1.0, 0.0]
    steep = lipschitz_extension(points, 3 * values, torch.tensor([0.0, 2.0]), slope=1.5)
    assert steep.tolist() == [0.0, 3.0]
    flat = Potential(points[:, None], values, 0.5)
    with pytest.raises(ValueError, match="x has 2 coordinates a point, expected 1"):
        flat(torch.zeros(4, 2))


# -------------------------------------------------------------------------------------------------- moving bars


@pytest.mark.parametrize("shift", [-3.0, 0.0, 0.25, 1.0, 2.5])
def test_moving_bars_are_the_divergences_of_their_densities(shift):
    x = theory.grid(-8.0, 8.0, 3200)  # bars end at cells' edges
    p, q = Uniform(0.0, 2.0)(x), Uniform(shift, shift + 2.0)(x)
    jsd, w1 = moving_bars(torch.tensor(shift), 2.0)
    assert jsd.item() == pytest.approx(theory.jsd(p, q, x).item(), abs=1e-9)
    assert w1.item() == pytest.approx(theory.wasserstein_1d(p, q, x).item(), abs=5e-3)


def test_points_that_move_have_a_jsd_that_says_nothing():
    jsd, w1 = moving_bars(torch.tensor([-1.0, 0.0, 1e-6, 5.0]))
    assert jsd.tolist() == [LOG2, 0.0, LOG2, LOG2]
    assert w1.tolist() == pytest.approx([1.0, 0.0, 1e-6, 5.0], rel=1e-6)
    with pytest.raises(ValueError, match="width is -1"):
        moving_bars(torch.zeros(1), -1.0)


# ------------------------------------------------------------------------------------------------------ bad input

TWO, THREE = torch.zeros(2, 2), torch.zeros(3, 2)
HOLED = torch.tensor([[0.0, 1.0], [math.nan, 0.0], [2.0, math.inf]])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: w1_sorted([], [1.0]), r"a has shape \(0,\), expected .* at least one point"),
        (lambda: w1_sorted([1.0], torch.zeros(0, 1)), "b has shape"),
        (lambda: w1_assignment(torch.tensor(1.0), TWO), r"a has shape \(\), expected"),
        (lambda: w1_assignment(TWO, torch.zeros(2, 3)), "a has 2 coordinates a point and b has 3"),
        (lambda: w1_assignment(TWO, THREE), "a has 2 points and b has 3, .* equally many: take 2 of each"),
        (lambda: w1_sorted(TWO, TWO), "2 coordinates a point, and only numbers can be sorted"),
        (lambda: transport_plan(THREE, HOLED), "b has 2 of 3 points that are not finite numbers, the first at index 1"),
        (lambda: transport_plan(TWO, THREE, weights_a=[0.5, 0.4]), "weights_a sums to 0.9, expected 1"),
        (lambda: transport_plan(TWO, THREE, weights_b=[0.5, 0.5]), r"weights_b has shape \(2,\), expected \(3,\)"),
        (lambda: kantorovich_dual(TWO, THREE, weights_a=[1.5, -0.5]), "weights_a holds -0.5"),
        (lambda: w1_sorted([0.0, 1.0], [0.0], weights_a=[math.nan, 1.0]), "weights_a holds nan"),
        (lambda: transport_plan(torch.zeros(600, 1), torch.zeros(600, 1)), "makes 360,000 pairs"),
        (lambda: kantorovich_dual(torch.zeros(400, 1), torch.zeros(400, 1)), "makes 319,600 pairs"),
    ],
)
def test_errors_name_the_value_and_the_remedy(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize("a", [HOLED, HOLED[:, 0], HOLED[:, None, :, None]], ids=["points", "numbers", "images"])
def test_the_remedy_for_points_that_are_no_numbers_works(a):
    with pytest.raises(ValueError) as caught:
        w1_assignment(a, a)
    remedy = str(caught.value).split(": ")[1].removesuffix(" keeps the others")
    kept = eval(remedy)
    assert 1 <= len(kept) < 3 and w1_assignment(kept, kept) == 0.0


def test_without_scipy_the_line_still_works_and_the_rest_says_what_to_install(monkeypatch):
    real = builtins.__import__

    def refusing(name, *args, **kwargs):
        if name.split(".")[0] == "scipy":
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", refusing)
    assert w1_sorted([0.0, 1.0], [1.0, 3.0]) == 1.5
    for call in (w1_assignment, transport_plan, kantorovich_dual):
        with pytest.raises(ValueError, match=r'pip install "gancourse\[lab\]"'):
            call(TWO, TWO)
