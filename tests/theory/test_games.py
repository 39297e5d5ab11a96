"""The toy games of gancourse.theory.games: their closed forms, their seeds, and what is counted as a mode."""

import math

import pytest
import torch

from gancourse import theory
from gancourse.theory import Normal, games
from gancourse.theory.games import LocationGame, RingGAN, bilinear, count_modes, ring_centres, sample_ring


def test_location_game_gradients_against_autograd_of_the_value():
    game, x = LocationGame(mu=2.0), theory.grid(-14.0, 16.0)
    w, b, theta = (torch.tensor(v, dtype=torch.float64, requires_grad=True) for v in (0.6, -0.2, -0.5))
    d = torch.sigmoid(w * x + b)
    value = theory.value(Normal(2.0)(x), Normal(theta)(x), d, x)
    up_w, up_b, g_theta = torch.autograd.grad(value, (w, b, theta))
    numbers = (w.item(), b.item(), theta.item())
    assert game.discriminator_ascent(*numbers) == pytest.approx((up_w.item(), up_b.item()), abs=1e-9)
    assert game.generator_gradient(*numbers) == pytest.approx(g_theta.item(), abs=1e-9)
    loss = theory.integrate(Normal(theta)(x) * -torch.log(torch.sigmoid(w * x + b)), x)
    (expected,) = torch.autograd.grad(loss, theta)
    assert game.generator_gradient(*numbers, "non_saturating") == pytest.approx(expected.item(), abs=1e-9)


def test_location_game_contains_the_optimal_discriminator():
    game, x = LocationGame(mu=2.0), theory.grid(-5.0, 5.0, 200)
    w, b = game.best_discriminator(-1.0)
    best = theory.optimal_discriminator(Normal(2.0)(x), Normal(-1.0)(x))
    assert torch.allclose(torch.sigmoid(w * x + b), best, atol=1e-12)
    assert game.discriminator_ascent(w, b, -1.0) == pytest.approx((0.0, 0.0), abs=1e-9)


@pytest.mark.parametrize("loss", ["saturating", "non_saturating"])
def test_algorithm_1_reaches_the_equilibrium_of_the_location_game(loss):
    path = LocationGame(2.0).play(steps=400, k=5, lr_d=0.2, lr_g=0.2, loss=loss, start=(0.0, 0.0, 1.0))
    assert path.shape == (401, 3)
    assert torch.allclose(path[-1], torch.tensor([0.0, 0.0, 2.0]).double(), atol=0.05)


def test_the_bilinear_game():
    eta, steps = 0.1, 600
    radius = {m: bilinear(m, eta, steps).norm(dim=1) for m in ("simultaneous", "alternating", "extragradient")}
    grow = radius["simultaneous"][1:] / radius["simultaneous"][:-1]
    assert torch.allclose(grow, torch.full_like(grow, math.sqrt(1 + eta**2)), rtol=1e-12)
    shrink = radius["extragradient"][1:] / radius["extragradient"][:-1]
    assert torch.allclose(shrink, torch.full_like(shrink, math.sqrt(1 - eta**2 + eta**4)), rtol=1e-12)
    path = bilinear("alternating", eta, steps)
    invariant = path[:, 0] ** 2 + path[:, 1] ** 2 - eta * path[:, 0] * path[:, 1]
    assert torch.allclose(invariant, invariant[0].expand_as(invariant), rtol=1e-12)
    assert path.mean(0).norm() < 0.05


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: bilinear("leapfrog", 0.1, 2),  # type: ignore[arg-type]
            "got 'leapfrog'",
        ),
        (lambda: LocationGame().play(steps=3, k=0), "k=0"),
        (
            lambda: LocationGame().generator_gradient(0.0, 0.0, 0.0, "hinge"),  # type: ignore[arg-type]
            "got 'hinge'",
        ),
        (lambda: games.train_discriminator(Normal(), Normal(), steps=0), "steps must be at least 1, got 0"),
    ],
)
def test_errors_name_what_was_wrong(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_modes_are_counted():
    centres, rng = ring_centres(), torch.Generator().manual_seed(0)
    ring = sample_ring(4000, rng, std=0.1)
    every = count_modes(ring, centres, std=0.1)
    assert every.covered == 8
    assert every.good > 0.98  # 3 std of a 2-D Gaussian hold 98.9 %
    assert every.shares.sum().item() == pytest.approx(every.good, abs=1e-6)
    three = ring[(torch.cdist(ring, centres).argmin(1) < 3)]
    assert count_modes(three, centres, std=0.1).covered == 3
    assert count_modes(torch.zeros(100, 2), centres, std=0.1).covered == 0
    stray = torch.cat([three, centres[7:]])  # one sample in a mode is not a mode
    assert count_modes(stray, centres, std=0.1).covered == 3


def test_a_discriminator_trained_on_samples_is_near_the_optimal_one():
    p, q, x = Normal(-1.0, 0.8), Normal(1.5, 1.2), theory.grid(-6.0, 7.0, 1000)
    state = torch.random.get_rng_state()
    net = games.train_discriminator(p, q, steps=300, seed=0)
    assert torch.equal(state, torch.random.get_rng_state())
    best = theory.optimal_discriminator(p(x), q(x))
    error = theory.integrate((net.probability(x) - best).abs() * (p(x) + q(x)) / 2, x)
    assert error < 0.03
    assert theory.value(p(x), q(x), net.probability(x), x) < theory.value(p(x), q(x), best, x)


def test_the_ring_gan_is_seeded_and_leaves_the_other_player_alone():
    one, two = RingGAN(seed=4), RingGAN(seed=4)
    assert torch.equal(one.train(5, watch=[5])[5], two.train(5, watch=[5])[5])
    before = [w.clone() for w in one.G.parameters()]
    one.step_d()
    assert all(torch.equal(a, b) for a, b in zip(before, one.G.parameters(), strict=True))
    before = [w.clone() for w in one.D.parameters()]
    one.step_g()
    assert all(torch.equal(a, b) for a, b in zip(before, one.D.parameters(), strict=True))


@pytest.mark.parametrize("seed", ["one", 1.5, -1, 2**63, True])
def test_the_games_name_a_seed_that_is_none(seed):
    expected = r"seed is .*, expected a whole number from 0 to 2\*\*63 - 1"
    with pytest.raises(ValueError, match=expected):
        RingGAN(seed=seed)
    with pytest.raises(ValueError, match=expected) as caught:
        games.train_discriminator(Normal(), Normal(1.0), steps=1, seed=seed)
    assert repr(seed) in str(caught.value)


def test_a_slow_discriminator_lets_the_generator_hop_from_mode_to_mode():
    """Lesson 01, section 1.11: a D with a fifth of G's learning rate is late, and G holds one mode after another."""
    gan, centres = RingGAN(seed=0, lr_d=2e-4, lr_g=1e-3), ring_centres()
    seen = gan.train(700, watch=range(100, 701, 20))
    shares = torch.stack([count_modes(points, centres, 0.1).shares for points in seen.values()])
    assert (shares >= 0.2).any(0).sum() >= 3  # modes that held a fifth of the samples at some time
    assert (shares >= 0.01).sum(1).max() <= 4  # and never many at once
