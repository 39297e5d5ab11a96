"""A critic's settings and what goes with them; steps by hand, penalties, clipping."""

import math
from typing import Any

import pytest
import torch
from torch import nn

from gancourse.models import MLPDiscriminator, networks
from gancourse.models.spectral import spectral_norm
from gancourse.training.critic import CriticRecipe, check_networks, marks_in, network_options
from gancourse.training.critic_step import clip_weights, critic_step, generator_step, untouched
from gancourse.training.pair_losses import PAIR_LOSSES
from gancourse.training.penalties import between, gradient_penalty, r1_penalty, slopes, squared_slopes

pytestmark = pytest.mark.usefixtures("one_thread")


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


def images(n=6, channels=1, seed=0):
    return torch.rand(n, channels, 28, 28, generator=rng(seed)) * 2 - 1


# -------------------------------------------------------------------------------- settings


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"loss": "wasserstein"}, r'nothing bounds the critic.*gradient_penalty=10, constraint="spectral" or'),
        ({"constraint": "clip", "gradient_penalty": 10.0}, "beside a penalty.*take one of the two"),
        ({"constraint": "clip", "r1": 1.0}, "beside a penalty"),
        ({"constraint": "clip", "r2": 1.0}, "beside a penalty"),
        ({"constraint": "spectral", "gradient_penalty": 10.0}, "gradient_penalty is 10.*take one of the two"),
        ({"loss": "wgan"}, "loss is 'wgan', expected one of wasserstein, hinge, least_squares, relativistic"),
        ({"constraint": "norm"}, "constraint is 'norm', expected one of none, clip, spectral"),
        ({"clip": 0.0}, "clip is 0.0, expected a positive number"),
        ({"gradient_penalty": -1.0}, "gradient_penalty is -1.0, expected 0"),
        ({"r2": math.inf}, "r2 is inf, expected"),
        ({"penalty_share": 0.0}, "penalty_share is 0.0, expected above 0 and at most 1"),
        ({"optimiser": "sgd"}, "optimiser is 'sgd', expected one of adam, rmsprop"),
        ({"packing": 0}, "packing is 0, expected a whole number of at least 1"),
        ({"warm_up": 1}, "warm_up is 1, expected True or False"),
        ({"lr_d": 0.0}, "lr_d is 0.0, expected a positive number"),
    ],
    ids=str,
)
def test_settings_that_make_no_sense_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        CriticRecipe(**settings)


def test_what_the_messages_recommend_is_taken():
    for more in ({"gradient_penalty": 10}, {"constraint": "spectral"}, {"constraint": "clip"}):
        CriticRecipe(loss="wasserstein", **more)
    CriticRecipe(constraint="spectral", r1=1.0)  # these two bound different things


def test_marks_are_the_losses_and_the_slope_that_is_asked_for():
    assert CriticRecipe(loss="hinge").marks() == {"loss_d": (2.0, "2")}
    assert CriticRecipe(loss="wasserstein", gradient_penalty=10.0).marks()["slope"][0] == 1.0
    assert "slope" not in CriticRecipe(loss="relativistic", r1=1.0).marks()
    assert marks_in({"critic": {"loss": "hinge"}}) == {"loss_d": (2.0, "2")}
    for damaged in ({}, {"critic": None}, {"critic": {"loss": "unheard of"}}, {"critic": {"what": 1}}):
        assert marks_in(damaged) == {}


# -------------------------------------------------------------------------------- networks that do not go


def small(recipe=None, **options):
    torch.manual_seed(0)
    return networks("critic", width=4, **(network_options(recipe or CriticRecipe()) | options))


PENALISED = CriticRecipe(loss="wasserstein", gradient_penalty=10.0)
NORMED = nn.Sequential(nn.Conv2d(1, 4, 4, 2, 1), nn.BatchNorm2d(4), nn.LeakyReLU(0.2), nn.Flatten(), nn.Linear(784, 1))
ENDS = nn.Sequential(nn.Flatten(), nn.Linear(784, 1), nn.Sigmoid())


@pytest.mark.parametrize(
    ("D", "recipe", "message"),
    [
        (lambda: ENDS, CriticRecipe(), "D ends in Sigmoid: a critic's score is any real number"),
        (lambda: NORMED, PENALISED, "BatchNorm, and its slope is penalised"),
        (lambda: NORMED, CriticRecipe(loss="relativistic", r1=1.0), "BatchNorm, and its slope is penalised"),
        (lambda: small(norm_d=True)[1], CriticRecipe(r2=1.0), "BatchNorm, and its slope is penalised"),
        (lambda: spectral_norm(small(norm_d=True)[1]), CriticRecipe(constraint="spectral"), "undoes the bound"),
        (lambda: small()[1], CriticRecipe(constraint="spectral"), "D has no spectral norm: use"),
        (lambda: small(spectral=True)[1], PENALISED, 'constraint is "none", and D has spectral norm: use'),
        (lambda: small()[1], CriticRecipe(packing=2), r"D gets 2; it takes 1\. Make D with packing=2"),
        (lambda: small(packing=2)[1], CriticRecipe(), r"packing is 1 .* D gets 1; it takes 2"),
        (lambda: networks("dcgan-clusters")[1], CriticRecipe(), "know clusters"),
    ],
)
def test_critics_that_cannot_be_trained_so_are_refused(D, recipe, message):
    with pytest.raises(ValueError, match=message):
        check_networks(small()[0], D(), recipe)


def test_a_torn_generator_is_refused():
    with pytest.raises(ValueError, match="ClusterGenerator and Critic know clusters"):
        check_networks(networks("dcgan-clusters")[0], small()[1], CriticRecipe())


def test_a_discriminator_of_the_course_may_be_a_critic_since_it_returns_logits():
    check_networks(small()[0], MLPDiscriminator(), PENALISED)
    check_networks(small()[0], NORMED, CriticRecipe(constraint="clip"))  # the experiment of the lesson


# -------------------------------------------------------------------------------- penalties


class Bowl(nn.Module):
    """s(x) = a |x|^2 / 2, whose gradient at x is a x."""

    def __init__(self, a):
        super().__init__()
        self.a = nn.Parameter(torch.tensor(float(a)))

    def forward(self, x):
        return self.a * x.flatten(1).square().sum(1) / 2


def test_slopes_are_the_gradients_norm_over_all_of_an_image():
    x = images(5, channels=3)
    found = squared_slopes(Bowl(0.7), x)
    torch.testing.assert_close(found, (0.7 * x).flatten(1).square().sum(1))
    torch.testing.assert_close(slopes(Bowl(0.7), x), 0.7 * x.flatten(1).norm(dim=1))
    assert r1_penalty(Bowl(0.7), x).item() == pytest.approx(found.mean().item())


@pytest.mark.parametrize("penalty", [gradient_penalty, lambda D, x, fake, rng: r1_penalty(D, x)])
def test_the_penalty_teaches_the_critic_as_finite_differences_say(penalty):
    x, fake = images(4, seed=1), images(4, seed=2)

    def at(a):
        return penalty(Bowl(a), x, fake, rng(3))

    D = Bowl(0.05)
    value = penalty(D, x, fake, rng(3))
    value.backward()
    step = 1e-3
    assert D.a.grad is not None
    assert D.a.grad.item() == pytest.approx((at(0.05 + step) - at(0.05 - step)).item() / (2 * step), rel=2e-3)


def test_a_networks_slope_is_that_of_finite_differences():
    _, D = small()
    x = images(4)
    found = slopes(D, x)
    (gradient,) = torch.autograd.grad(D(x.requires_grad_()).sum(), x)
    direction = gradient / gradient.flatten(1).norm(dim=1)[:, None, None, None]
    D, x, direction, step = D.double(), x.detach().double(), direction.double(), 1e-5
    differences = (D(x + step * direction) - D(x - step * direction)) / (2 * step)
    torch.testing.assert_close(found.double(), differences, rtol=1e-3, atol=1e-5)


def test_points_between_have_one_t_an_image():
    x, fake = torch.ones(50, 3, 4, 4), -torch.ones(50, 3, 4, 4)
    points = between(x, fake, rng()).flatten(1)
    assert torch.equal(points, points[:, :1].expand_as(points)) and len(points[:, 0].unique()) == 50
    assert points.min() < -0.8 and points.max() > 0.8


# -------------------------------------------------------------------------------- by hand


def test_a_critics_step_is_one_of_the_optimiser_on_the_loss_and_the_penalty():
    G, D = small()
    x_real, before = images(6), {k: v.clone() for k, v in D.named_parameters()}
    z = torch.randn(6, 100, generator=rng(4))
    loss = PAIR_LOSSES["hinge"].discriminator(D(x_real), D(G(z).detach()))
    penalty = 0.5 * r1_penalty(D, x_real)
    expected = torch.autograd.grad(loss + penalty, list(D.parameters()))
    G.load_state_dict(small()[0].state_dict())
    said = critic_step(
        G,
        D,
        torch.optim.SGD(D.parameters(), 0.1),
        x_real,
        rng(4),
        PAIR_LOSSES["hinge"],
        lambda D, x, fake, rng: 0.5 * r1_penalty(D, x),
    )
    assert said.item() == pytest.approx(loss.item()) and not said.requires_grad
    for (name, parameter), gradient in zip(D.named_parameters(), expected, strict=True):
        torch.testing.assert_close(parameter, before[name] - 0.1 * gradient)
    assert all(p.grad is None for p in G.parameters())


def test_the_generators_step_draws_fresh_fakes_and_leaves_the_critic_alone():
    G, D = small(spectral=True)
    before = {k: v.clone() for k, v in D.state_dict().items()}
    g_before = {k: v.clone() for k, v in G.named_parameters()}
    z = torch.randn(6, 100, generator=rng(5))
    D.eval()  # no power iteration
    expected = torch.autograd.grad(-D(G(z)).mean(), list(G.parameters()))
    D.train()
    generator_step(G, D, torch.optim.SGD(G.parameters(), 0.1), images(6), rng(5))
    for (name, parameter), gradient in zip(G.named_parameters(), expected, strict=True):
        torch.testing.assert_close(parameter, g_before[name] - 0.1 * gradient)
    assert all(torch.equal(v, before[k]) for k, v in D.state_dict().items())
    assert all(p.requires_grad and p.grad is None for p in D.parameters())


@pytest.mark.parametrize("loss", ["relativistic", "wasserstein"])
def test_real_images_matter_to_g_only_where_its_loss_compares(loss):
    found = []
    for seed in (1, 2):
        G, D = small()
        generator_step(G, D, torch.optim.SGD(G.parameters(), 0.1), images(6, seed=seed), rng(5), PAIR_LOSSES[loss])
        found.append(torch.cat([p.detach().flatten() for p in G.parameters()]))
    assert torch.equal(*found) == (loss == "wasserstein")


def test_untouched_holds_batchnorm_and_gives_everything_back_after_an_error():
    D: Any = NORMED.train()
    before = {k: v.clone() for k, v in D.state_dict().items()}
    with pytest.raises(RuntimeError, match="stop"), untouched(D):
        D(images(4))
        assert not any(p.requires_grad for p in D.parameters())
        raise RuntimeError("stop")
    assert all(torch.equal(v, before[k]) for k, v in D.state_dict().items())
    assert all(p.requires_grad for p in D.parameters())
    D(images(4))
    assert D[1].num_batches_tracked == before["1.num_batches_tracked"] + 1


def test_clipping_bounds_every_parameter_and_leaves_small_ones():
    D: Any = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))
    with torch.no_grad():
        D[0].weight.fill_(0.004)
        D[0].bias.fill_(-3.0)
    clip_weights(D, 0.01)
    assert (D[0].weight == 0.004).all() and (D[0].bias == -0.01).all()
    assert (D[1].weight == 0.01).all()  # BatchNorm's scale, which starts at 1, is crushed
