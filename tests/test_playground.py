"""The playground's game, its data and its pictures, without a widget."""

from __future__ import annotations

import io
import math

import numpy as np
import pytest
import torch
from PIL import Image

from gancourse import pictures, theory
from gancourse.theory import Normal, plane
from gancourse.theory.playground import Game, Settings, jsd_estimate


def weights(network):
    return torch.cat([p.detach().flatten() for p in network.parameters()])


def picture(game):
    return np.asarray(Image.open(io.BytesIO(pictures.game_picture(game))).convert("RGB")).astype(int)


@pytest.mark.parametrize("name", plane.SHAPES)
def test_every_shape_lies_in_the_view_and_follows_its_generator(name):
    x = plane.SHAPES[name](2000, torch.Generator().manual_seed(0))
    assert x.shape == (2000, 2) and x.dtype == torch.float32
    assert x.abs().max() < plane.VIEW
    assert torch.equal(x, plane.SHAPES[name](2000, torch.Generator().manual_seed(0)))


def test_a_formula_is_its_curve():
    x = plane.formula("2*cos(2*pi*t), 2*sin(2*pi*t)")(4000, torch.Generator().manual_seed(0))
    assert x.norm(dim=1).mean().item() == pytest.approx(2.0, abs=0.02)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("cos(t)", "needs two parts"),
        ("t, __import__('os')", "."),
        ("t, 1/0", "."),
        ("9*t, t", "reaches 8.99, and the picture ends at 3"),
        ("t, log(t-1)", "not a finite number"),
        ("t, 9**9**9**9", "."),
        ("t,", "needs two parts"),
        ("t, (", "is not a formula"),
    ],
)
def test_a_bad_formula_is_refused_and_nothing_is_run(text, message):
    with pytest.raises(ValueError, match=message):
        plane.formula(text)


def test_drawn_points_are_the_data():
    x = plane.drawn([(1.0, 1.0), (-1.0, 0.5)])(500, torch.Generator().manual_seed(0))
    near = torch.cdist(x, torch.tensor([[1.0, 1.0], [-1.0, 0.5]])).amin(1)
    assert near.max() < 0.5
    with pytest.raises(ValueError, match="no points are drawn yet"):
        plane.drawn([])


@pytest.mark.parametrize(("who", "moved"), [("D", "D"), ("G", "G"), ("both", "DG")])
def test_a_step_moves_whom_it_should(who, moved):
    game = Game(Settings())
    before = {"D": weights(game.D), "G": weights(game.G)}
    assert game.step(who)
    for name, network in (("D", game.D), ("G", game.G)):
        assert torch.equal(before[name], weights(network)) is (name not in moved)
    assert game.rounds == {"D": int("D" in moved), "G": int("G" in moved)}


def test_the_same_settings_give_the_same_game_and_training_lowers_the_divergence():
    games = [Game(Settings(data="line")), Game(Settings(data="line"))]
    for game in games:
        game.play(250)
    assert games[0].jsds == games[1].jsds and games[0].losses == games[1].losses
    (_, first), (_, last) = games[0].jsds[0], games[0].jsds[-1]
    assert last < 0.8 * first
    assert np.array_equal(picture(games[0]), picture(games[1]))


def test_the_picture_moves_with_the_game():
    game = Game(Settings())
    before = picture(game)
    game.play(20)
    assert picture(game).shape == before.shape == (pictures.SIZE[1], pictures.SIZE[0], 3)
    assert np.abs(picture(game) - before).max() > 60


def test_a_generator_that_reaches_far_does_not_draw_over_its_neighbours(monkeypatch):
    game = Game(Settings())
    monkeypatch.setattr(game, "warped_grid", lambda: torch.zeros(1, 2, 2))
    left, top, right, bottom = pictures.GRID
    before = picture(game)
    ends = torch.tensor([[[-20.0, 1.0], [20.0, 1.0]], [[0.0, -20.0], [1.0, 20.0]]])
    monkeypatch.setattr(game, "warped_grid", lambda: ends)
    changed = np.argwhere((picture(game) != before).any(2))
    assert len(changed) > 100  # in the grid's own panel
    (y0, x0), (y1, x1) = changed.min(0), changed.max(0)
    assert x0 >= left and y0 >= top and x1 <= right and y1 <= bottom


def test_the_divergence_of_points_is_that_of_their_densities():
    rng = torch.Generator().manual_seed(0)
    a, b = (torch.randn(200_000, 2, generator=rng) * 0.5 + torch.tensor([m, 0.0]) for m in (-0.5, 0.5))
    x = theory.grid(-8.0, 8.0, 4000)
    exact = theory.jsd(Normal(-0.5, 0.5)(x), Normal(0.5, 0.5)(x), x).item()
    assert jsd_estimate(a, b) == pytest.approx(exact, abs=0.02)
    assert jsd_estimate(a, a) == 0
    assert jsd_estimate(a, a + 100) == pytest.approx(math.log(2), abs=0.02)
    assert math.isnan(jsd_estimate(a, a * math.nan))


def test_arrows_point_where_d_believes_more():
    game = Game(Settings(data="line"))
    for _ in range(200):
        game.step("D")
    x, pull = game.arrows()
    step = 1e-3 * pull / pull.norm(dim=1, keepdim=True).clamp_min(1e-9)
    with torch.no_grad():
        assert (game.D(x + step) >= game.D(x) - 1e-5).all()


def test_a_game_that_broke_says_so_in_words_and_in_the_picture():
    game = Game(Settings(optimiser="SGD", lr_d=1e30))
    for _ in range(5):
        game.step()
    assert not game.step()
    assert "NaN" in game.describe() and "Lower the learning rates" in game.describe()
    game.measure()
    assert picture(game).shape[2] == 3
