"""The playground's game and its data, without a widget."""

from __future__ import annotations

import math

import pytest
import torch

from gancourse import theory
from gancourse.theory import Normal, plane
from gancourse.theory.plane import jsd_estimate
from gancourse.theory.playground import BATCH_SIZE, CONSTRAINTS, LOSS_NAMES, Game, Settings, Who
from gancourse.training.losses import LOSSES
from gancourse.training.penalties import between
from gancourse.training.step import train_step


def weights(network):
    return torch.cat([p.detach().flatten() for p in network.parameters()])


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
    assert math.isnan(game.measure())


# ------------------------------------------------------------------------------------------- losses and constraints

CRITICS = [name for name in LOSS_NAMES if name not in LOSSES]


@pytest.mark.parametrize("loss", LOSSES)
def test_goodfellows_losses_are_played_by_train_step_bit_for_bit(loss):
    game, twin = Game(Settings(loss=loss, k=2)), Game(Settings(loss=loss, k=2))
    for _ in range(3):
        game.step()
        reals = [twin.source(BATCH_SIZE, twin.rng) for _ in range(2)]
        found = train_step(twin.G, twin.D, twin.opt_g, twin.opt_d, reals, twin.rng, LOSSES[loss].generator)
        assert game.losses[-1] == (float(found[0]), float(found[1]))
    assert torch.equal(weights(game.G), weights(twin.G)) and torch.equal(weights(game.D), weights(twin.D))


@pytest.mark.parametrize("constraint", CONSTRAINTS)
@pytest.mark.parametrize("loss", LOSS_NAMES)
def test_every_loss_goes_with_every_constraint(loss, constraint):
    game = Game(Settings(loss=loss, constraint=constraint, weight=0.1, k=2))
    steps: list[tuple[Who, str]] = [("D", "D"), ("G", "G"), ("both", "DG")]
    for who, moved in steps:
        before = {"D": weights(game.D), "G": weights(game.G)}
        assert game.step(who)
        for name, network in (("D", game.D), ("G", game.G)):
            assert torch.equal(before[name], weights(network)) is (name not in moved)
    assert game.rounds == {"D": 3, "G": 2} and len(game.losses) == 3
    assert all(p.requires_grad for network in (game.D, game.G) for p in network.parameters())
    assert game.measure() >= 0 and "nan" not in game.describe()


def test_clipping_cuts_after_every_step_of_d_and_only_then():
    game = Game(Settings(loss="wasserstein", constraint="clip", weight=0.05))
    assert weights(game.D).abs().max() > 0.1
    game.step("G")
    assert weights(game.D).abs().max() > 0.1
    game.step("D")
    assert weights(game.D).abs().max() == pytest.approx(0.05)
    assert weights(game.G).abs().max() > 0.1


def test_what_each_constraint_does_to_the_slope():
    slope = {}
    for constraint, weight in {
        "none": 1.0,
        "clip": 0.1,
        "gradient_penalty": 10.0,
        "spectral_norm": 1.0,
        "r1": 10.0,
    }.items():
        game = Game(Settings(loss="wasserstein", constraint=constraint, weight=weight))
        for _ in range(100):
            game.step("D")
        slope[constraint] = game.slope()
    assert slope["none"] > 10
    assert 0.7 < slope["gradient_penalty"] < 1.8
    assert slope["spectral_norm"] < 1.02
    assert slope["clip"] < 1 and slope["r1"] < 2


def test_the_weight_of_a_penalty_counts():
    slopes = []
    for weight in (0.01, 0.1, 1.0):
        game = Game(Settings(loss="relativistic", constraint="r1", weight=weight))
        for _ in range(100):
            game.step("D")
        slopes.append(game.slope())
    assert slopes[0] > slopes[1] > slopes[2]


def test_looking_at_a_game_does_not_change_it():
    games = [Game(Settings(loss="hinge", constraint="spectral_norm")) for _ in range(2)]
    for _ in range(5):
        for game in games:
            game.step()
        games[0].heat(), games[0].arrows(), games[0].slope(), games[0].measure(), games[0].describe()
        assert games[0].D.training
    assert games[0].losses == games[1].losses
    assert torch.equal(weights(games[0].D), weights(games[1].D)) and torch.equal(
        weights(games[0].G), weights(games[1].G)
    )


def test_a_probability_lies_between_0_and_1_with_a_half_in_the_middle():
    game = Game(Settings(constraint="r1"))
    game.play(5)
    heat, scale = game.heat()
    assert scale == (0.0, 0.5, 1.0) and 0 < heat.min() < heat.max() < 1


@pytest.mark.parametrize("loss", CRITICS)
def test_a_score_is_shown_around_its_median_whatever_its_zero(loss):
    game = Game(Settings(loss=loss))
    game.play(10)
    heat, (low, middle, high) = game.heat()
    with torch.no_grad():
        seen = torch.cat([game.D(game.x_real[:256]), game.D(game.samples())])
    assert abs((seen > middle).float().mean().item() - 0.5) < 0.01
    assert middle - low == pytest.approx(high - middle, rel=1e-4)
    assert low - 1e-5 <= heat.min() and heat.max() <= high + 1e-5
    assert min(heat.min() - low, high - heat.max()) < 1e-5  # it reaches as far as the picture needs
    with torch.no_grad():
        list(game.D.parameters())[-1].add_(7.0)
    again, (new_low, _, new_high) = game.heat()
    assert new_low == pytest.approx(low + 7, abs=1e-4)
    assert torch.allclose((again - new_low) / (new_high - new_low), (heat - low) / (high - low), atol=1e-4)


@pytest.mark.parametrize("loss", ["wasserstein", "hinge", "relativistic"])
def test_a_critics_arrows_point_where_it_scores_higher(loss):
    game = Game(Settings(loss=loss, data="line"))
    for _ in range(50):
        game.step("D")
    x, pull = game.arrows()
    step = 1e-3 * pull / pull.norm(dim=1, keepdim=True).clamp_min(1e-9)
    with torch.no_grad():
        assert (game.D(x + step) >= game.D(x) - 1e-5).all()
        lengths = pull.norm(dim=1)
    assert lengths.max() <= game.slope() * 1.2 and lengths.max() > 0.05


def test_a_relativistic_arrow_compares_its_sample_with_a_data_point():
    game = Game(Settings(loss="relativistic"))
    for _ in range(20):
        game.step("D")
    x, pull = game.arrows()
    x.requires_grad_(True)
    (uphill,) = torch.autograd.grad(game.D(x).sum(), x)
    behind = torch.sigmoid(game.D(game.x_real[: len(x)]) - game.D(x)).detach()
    assert torch.allclose(pull, behind[:, None] * uphill, atol=1e-6)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (Settings(loss="wasserstein"), ("(0.000 at equilibrium), G's 0.", "of its median", "D's steepest slope")),
        (Settings(loss="least_squares"), ("(0.250 at equilibrium)", "(0.125 at equilibrium)", "of its median")),
        (Settings(loss="hinge", constraint="spectral_norm"), ("(2.000 at equilibrium)", "D's steepest slope")),
        (Settings(constraint="r1"), ("(1.386 at equilibrium)", "D's steepest slope")),
    ],
)
def test_a_game_says_what_its_d_measures(settings, words):
    game = Game(settings)
    game.step()
    assert all(word in game.describe() for word in words), game.describe()
    assert game.describe().count("equilibrium") == len({"loss_d", "loss_g"} & set(settings.pair.marks))
    plain = Game(Settings())
    plain.step()
    assert "median" not in plain.describe() and "slope" not in plain.describe()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (Settings(loss="wgan"), "loss is 'wgan', expected non_saturating, saturating, wasserstein"),
        (Settings(constraint="gp"), "constraint is 'gp', expected none, clip"),
        (Settings(weight=0.0), "weight is 0.0, expected a positive number"),
        (Settings(weight=math.nan), "weight is nan"),
        (Settings(data="triangle"), "data is 'triangle'"),
    ],
)
def test_settings_that_cannot_be_played_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        Game(settings)


def test_a_penalty_in_the_plane_has_one_t_for_each_point():
    rng = torch.Generator().manual_seed(0)
    real, fake = torch.zeros(500, 2), torch.tensor([1.0, 2.0]).expand(500, 2)
    x = between(real, fake, rng)
    assert x.shape == (500, 2) and torch.allclose(x[:, 1], 2 * x[:, 0])
    assert x[:, 0].min() < 0.05 and x[:, 0].max() > 0.95


def test_a_critic_that_broke_says_so():
    game = Game(Settings(loss="wasserstein", optimiser="SGD", lr_d=1e30, lr_g=1e30))
    for _ in range(5):
        game.step()
    assert "Lower the learning rates" in game.describe() and not game.step()
    heat, (low, middle, high) = game.heat()
    assert heat.shape == (48, 48) and low < middle < high
