"""Critics on fixed points of the plane, against the exact distance."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch

from gancourse.theory.lipschitz import clipping_bound, penalised_slope
from gancourse.theory.rulers import PAIRS, Setting, estimate, exact, measure, samples, train
from gancourse.theory.transport import w1_assignment

FEW = 60  # points: enough for what is claimed here


def test_the_pairs_are_as_far_apart_as_their_names_say():
    assert exact("two Gaussians", 0, 300) == pytest.approx(3.0, abs=0.15)
    chords = sum(4 * math.sin(math.pi * k / 8) for k in range(8)) / 8  # from one mode to each of the eight
    assert exact("ring and one mode", 0, 300) == pytest.approx(chords, abs=0.2)
    assert exact("ring and ring", 0, 300) < 0.35
    for pair in PAIRS:
        x, y = samples(pair, 0, 50)
        assert x.shape == y.shape == (50, 2) and x.dtype == torch.float32 and not torch.equal(x, y)
        assert exact(pair, 0, 50) == w1_assignment(x, y)
        assert torch.equal(samples(pair, 0, 50)[0], x) and not torch.equal(samples(pair, 1, 50)[0], x)


@pytest.mark.parametrize("constraint", ["clip", "penalty", "spectral", "r1", "none"])
def test_the_same_arguments_give_the_same_rows_and_earlier_measurements_change_nothing(constraint):
    setting = Setting(constraint, 0.1)
    state = torch.get_rng_state()
    rows = measure(setting, "two Gaussians", 1, (1, 3), FEW)
    assert torch.equal(torch.get_rng_state(), state)
    assert [row["step"] for row in rows] == [1, 3]
    assert measure(setting, "two Gaussians", 1, (3,), FEW) == rows[1:]
    assert measure(setting, "two Gaussians", 2, (3,), FEW) != rows[1:]


@pytest.mark.parametrize("pair", PAIRS)
@pytest.mark.parametrize(
    "setting",
    [Setting("clip", 0.1), Setting(), Setting("spectral"), Setting("none"), Setting("r1", 1.0, "logistic")],
    ids=lambda setting: setting.constraint,
)
def test_divided_by_its_steepest_secant_no_critic_says_more_than_the_distance(setting, pair):
    (row,) = measure(setting, pair, 0, (20,), FEW)
    assert 0 < row["by_slope"] <= row["by_secant"] <= row["exact"] + 1e-9
    assert row["secant"] <= row["slope"] <= row["bound"] * (1 + 1e-9)


def test_a_trained_critic_with_a_penalty_measures_the_distance_and_overshoots_as_predicted():
    untrained, row = measure(Setting("penalty", 10.0), "two Gaussians", 0, (1, 100), FEW)
    assert untrained["estimate"] < row["exact"] / 4
    assert row["exact"] / 2 < row["estimate"] < 2 * row["exact"]
    (cheap,) = measure(Setting("penalty", 1.0), "two Gaussians", 0, (100,), FEW)
    assert cheap["estimate"] == pytest.approx(cheap["exact"] * penalised_slope(cheap["exact"], 1.0), rel=0.15)


def test_clipping_keeps_its_bound_and_is_off_by_orders_of_magnitude():
    setting = Setting("clip", 0.01)
    (row,) = measure(setting, "two Gaussians", 0, (100,), FEW)
    assert row["bound"] <= clipping_bound(setting.critic(), 0.01) * (1 + 1e-6)
    assert row["estimate"] < row["exact"] / 20
    assert row["by_slope"] > row["exact"] / 2  # the direction is right; only the unit is not


def test_spectral_norm_keeps_slope_one_and_nothing_keeps_none():
    (limited,) = measure(Setting("spectral"), "two Gaussians", 0, (100,), FEW)
    assert limited["slope"] <= 1.05 and 0 < limited["estimate"] <= limited["exact"] * 1.05
    (free,) = measure(Setting("none"), "two Gaussians", 0, (100,), FEW)
    assert free["estimate"] > 10 * free["exact"]


def test_settings_reach_the_critic():
    x, y = samples("two Gaussians", 0, FEW)
    default = Setting("none")
    ((_, start),) = train(default, x, y, (1,))
    first = estimate(start, x, y)
    for change in ({"loss": "logistic"}, {"negative_slope": 0.0}, {"optimiser": "RMSprop"}):
        ((_, other),) = train(replace(default, **change), x, y, (1,))
        assert estimate(other, x, y) != first, change
    ((_, hinged),) = train(Setting("none", loss="hinge"), x, y, (100,))
    with torch.no_grad():  # the hinge asks for scores past 1 and no more; the difference of means for ever more
        assert hinged(x).min() > 0.9 and hinged(y).max() < -0.9 and hinged(x).max() < 10
    ((_, slow),) = train(replace(default, lr=1e-6), x, y, (1,))
    assert estimate(slow, x, y) == pytest.approx(estimate(default.critic(), x, y), abs=1e-3)


def test_a_critic_that_runs_away_ends_the_rows(monkeypatch):
    rows = measure(Setting("none", lr=1e15), "two Gaussians", 0, (1, 50), FEW)
    assert [row["step"] for row in rows] in ([], [1])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Setting("clamp"), "constraint is 'clamp', expected one of clip, penalty"),
        (lambda: Setting("clip", 0.0), "strength is 0.0, expected a number above 0"),
        (lambda: Setting(loss="bce"), "loss is 'bce'"),
        (lambda: Setting(optimiser="SGD"), "optimiser is 'SGD', expected one of Adam, RMSprop"),
        (lambda: Setting(lr=-1.0), "lr is -1.0"),
        (lambda: measure(Setting(), "two moons"), "pair is 'two moons', expected one of two Gaussians"),
        (lambda: measure(Setting(), "ring and ring", points=0), "points is 0"),
        (lambda: measure(Setting(), "ring and ring", steps=(), points=9), r"steps are \[\]"),
        (lambda: measure(Setting(), "ring and ring", steps=(3, 1), points=9), r"steps are \[3, 1\]"),
        (lambda: list(train(Setting(), torch.zeros(3, 2), torch.zeros(4, 2), (1,))), "x has 3 points and y has 4"),
    ],
)
def test_errors_name_the_value_and_what_there_is(call, message):
    with pytest.raises(ValueError, match=message):
        call()
