"""Each addition to Algorithm 1 does what its paper says, and with none of them the algorithm is the plain one."""

import math
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import nn

from gancourse import models
from gancourse.data import Images
from gancourse.models.fast import plan
from gancourse.training import Minimax, Recipe, Trainer, losses, train_step
from gancourse.training.algorithms.base import Setting
from gancourse.training.augment import AUGMENTATIONS, flip
from gancourse.training.penalties import gradient_penalty, r1_penalty, smoothed_discriminator_loss, spectral_norm
from gancourse.training.processes import Team
from gancourse.training.recipe import view
from gancourse.training.run import RunError
from gancourse.training.trainer import Config

PLAIN: dict[str, Any] = {"batch_size": 16, "epochs": 1, "fast": False, "precision": "float32"}


@pytest.fixture
def images():
    rng = torch.Generator().manual_seed(0)
    return Images(torch.randint(0, 256, (64, 1, 28, 28), dtype=torch.uint8, generator=rng), name="noise")


@pytest.fixture
def rng():
    return torch.Generator().manual_seed(1)


def trained(images, recipe, accumulate=1, **settings):
    torch.manual_seed(0)
    G, D = models.networks(settings.get("model", "mlp"))
    algorithm = Printed(G, D) if recipe is None else Minimax(G, D, recipe)
    trainer = Trainer(algorithm, images, Config(**PLAIN | settings), device="cpu", accumulate=accumulate)
    trainer.fit(progress=False)
    return trainer


def weights(trainer):
    return torch.cat([p.detach().flatten() for network in trainer.networks.values() for p in network.parameters()])


class Printed(Minimax):
    """Rounds by the printed `train_step`."""

    def round(self, batches, rng):
        config, setting = self.setting.config, self.setting
        networks = self.views["G"], self.views["D"], self.optimisers["opt_g"], self.optimisers["opt_d"]
        loss = losses.LOSSES[config.loss].generator
        return train_step(*networks, batches, rng, loss, config.fresh_z, setting.team.share, setting.accumulate)


def a_round(G, D, opt_g, opt_d, batches, rng, recipe):
    game = Minimax(G, D, recipe)
    config = Config(**PLAIN | {"batch_size": len(batches[0])})
    game.start(Setting(config, torch.device("cpu"), plan("float32", False, torch.device("cpu"), G, D), Team()))
    game.optimisers = {"opt_g": opt_g, "opt_d": opt_d}
    return game.round(batches, rng)


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"k": 2, "fresh_z": False, "loss": "saturating"},
        {"ema_half_life": 32.0},
        {"accumulate": 4},
        {"fast": True, "model": "dcgan"},  # perceptrons have passes of their own (test_fast_round.py)
    ],
)
def test_the_empty_recipe_is_algorithm_1_bit_for_bit(images, settings):
    plain, same = trained(images, None, **settings), trained(images, Recipe(), **settings)
    assert torch.equal(weights(plain), weights(same))
    timing = {"images_per_second": 0, "seconds": 0}
    assert [row | timing for row in plain.history] == [row | timing for row in same.history]


@pytest.mark.parametrize(
    "recipe",
    [
        Recipe(lr_d=1e-3),
        Recipe(lr_g=1e-3),
        Recipe(real_target=0.9),
        Recipe(noise=0.1),
        Recipe(r1=1.0),
        Recipe(gradient_penalty=1.0),
        Recipe(augment=("translation",)),
        Recipe(augment=("flip",)),
    ],
    ids=str,
)
def test_every_part_of_a_recipe_reaches_the_weights(images, recipe):
    plain, changed = trained(images, None), trained(images, recipe)
    assert not torch.equal(weights(plain), weights(changed))
    assert all(math.isfinite(v) for v in changed.history[0].values())
    assert all(p.requires_grad for p in changed.networks["D"].parameters())


def test_learning_rates_go_to_their_network(images):
    trainer = trained(images, Recipe(lr_d=3e-4, lr_g=5e-5))
    assert trainer.algorithm.optimisers["opt_d"].param_groups[0]["lr"] == 3e-4
    assert trainer.algorithm.optimisers["opt_g"].param_groups[0]["lr"] == 5e-5


def test_noise_falls_over_its_epochs(images, monkeypatch):
    seen: list[Any] = []

    def spy(x, recipe, rng, share):
        seen.append(recipe.noise)
        return x

    monkeypatch.setattr("gancourse.training.algorithms.minimax.view", spy)
    trained(images, Recipe(noise=0.4, noise_epochs=2), epochs=3)
    assert sorted(set(seen), reverse=True) == [0.4, 0.2, 0.0]


def test_a_run_folder_remembers_the_recipe(images, tmp_path):
    def open_run(recipe):
        torch.manual_seed(0)
        G, D = models.networks("mlp")
        options = {"out": tmp_path / "run", "device": "cpu"}
        return Trainer(Minimax(G, D, recipe), images, Config(**PLAIN), **options)

    first = open_run(Recipe(r1=0.5, augment=("cutout",)))
    first.fit(progress=False)
    again = open_run(Recipe(r1=0.5, augment=("cutout",)))
    assert again.epoch == 1
    assert torch.equal(weights(first), weights(again))
    with pytest.raises(RunError, match="recipe"):
        open_run(Recipe(r1=0.7))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"lr_d": 0.0}, "lr_d is 0.0"),
        ({"real_target": 1.2}, "real_target is 1.2"),
        ({"real_target": 0.5}, "real_target is 0.5"),
        ({"noise": -1.0}, "noise is -1.0"),
        ({"r1": math.nan}, "r1 is nan"),
        ({"r1_share": 0.0}, "r1_share is 0.0"),
        ({"augment": ("blur",)}, "augment has 'blur', expected some of translation, cutout, colour, flip"),
    ],
)
def test_a_bad_recipe_is_refused(values, message):
    with pytest.raises(ValueError, match=message):
        Recipe(**values)


@pytest.mark.parametrize(
    "recipe",
    [Recipe(r1=0.5, gradient_penalty=0.1), Recipe(real_target=0.9, decay=True)],
    ids=str,
)
def test_a_recipe_in_parts_takes_the_step_of_the_whole_batch(images, recipe):
    """Without randomness of its own and without BatchNorm, four parts add up to the batch."""
    if recipe.gradient_penalty:
        recipe = replace(recipe, gradient_penalty=0.0)  # its random points are drawn part by part
    whole, parts = trained(images, recipe), trained(images, recipe, accumulate=4)
    torch.testing.assert_close(weights(parts), weights(whole), atol=2e-5, rtol=1e-3)


# --- losses and penalties


def test_smoothing_moves_the_best_answer_for_real_images_alone():
    real, fake = torch.randn(50), torch.randn(50)
    assert torch.equal(smoothed_discriminator_loss(real, fake, 1.0), losses.discriminator_loss(real, fake))
    target = torch.full_like(real, 0.9)
    bce = nn.functional.binary_cross_entropy_with_logits
    expected = bce(real, target) + bce(fake, torch.zeros_like(fake))
    assert torch.allclose(smoothed_discriminator_loss(real, fake, 0.9), expected)
    logit = torch.tensor([math.log(0.9 / 0.1)], requires_grad=True)
    smoothed_discriminator_loss(logit, fake, 0.9).backward()
    assert logit.grad is not None
    assert logit.grad.abs().item() < 1e-6


class Plane(nn.Module):
    """A D whose logit is a.x: its slope is |a| everywhere."""

    def __init__(self, slope):
        super().__init__()
        self.a = nn.Parameter(torch.full((784,), slope / 28))

    def forward(self, x):
        return x.flatten(1) @ self.a


def test_penalties_of_a_plane_are_known(rng):
    x_real, x_fake = torch.randn(4, 1, 28, 28), torch.randn(4, 1, 28, 28)
    D = Plane(3.0)
    assert r1_penalty(D, x_real).item() == pytest.approx(9.0, rel=1e-5)
    penalty = gradient_penalty(D, x_real, x_fake, rng)
    assert penalty.item() == pytest.approx(4.0, rel=1e-5)
    penalty.backward()  # d/da (|a| - 1)^2 = 2 (|a| - 1) a/|a|
    assert D.a.grad is not None
    assert torch.allclose(D.a.grad, 4.0 * D.a.detach() / 3.0, atol=1e-5)
    assert gradient_penalty(Plane(1.0), x_real, x_fake, rng).item() < 1e-8


def test_the_gradient_penalty_takes_points_and_draws_for_images_what_it_always_drew():
    a = torch.tensor([3.0, 4.0])
    x, y = torch.zeros(50, 2), torch.ones(50, 2)
    seen: list[torch.Tensor] = []

    class Line(nn.Module):
        def forward(self, x):
            seen.append(x.detach())
            return x.flatten(1)[:, :2] @ a

    assert gradient_penalty(Line(), x, y, torch.Generator().manual_seed(5)).item() == pytest.approx(16.0, rel=1e-5)
    t = torch.rand(50, 1, 1, 1, generator=torch.Generator().manual_seed(5))
    assert torch.equal(seen[0], t.view(50, 1).expand(50, 2))
    gradient_penalty(Line(), x.view(50, 1, 1, 2), y.view(50, 1, 1, 2), torch.Generator().manual_seed(5))
    assert torch.equal(seen[1], t.expand(50, 1, 1, 2))


class Black(nn.Module):
    """A G whose images are 0 whatever z and its weight are."""

    z_size = 100

    def __init__(self):
        super().__init__()
        self.w = nn.Parameter(torch.ones(()))

    def forward(self, z):
        return (self.w * 0).expand(len(z), 1, 28, 28)


@pytest.mark.parametrize(
    ("recipe", "pull"),
    [(Recipe(r1=0.5), 0.5 * 3.0), (Recipe(gradient_penalty=0.5), 0.5 * 2 * (3.0 - 1)), (Recipe(), 0.0)],
    ids=["gamma/2 of R1", "weight of the gradient penalty", "none"],
)
def test_penalties_enter_the_step_with_their_weights(recipe, pull, rng):
    """Where every image is 0, the logits are 0 and the loss has no gradient: D's slope moves by the penalty alone."""
    G, D = Black(), Plane(3.0)
    opt_g, opt_d = (torch.optim.SGD(network.parameters(), lr=0.1) for network in (G, D))
    a_round(G, D, opt_g, opt_d, [torch.zeros(8, 1, 28, 28)], rng, recipe)
    assert D.a.norm().item() == pytest.approx(3.0 - 0.1 * pull, rel=1e-5)


@pytest.mark.parametrize(("share", "looked_at"), [(1.0, 8), (0.25, 2), (0.2, 2)])
def test_r1_of_a_share_looks_at_so_many_real_images_and_weighs_the_same(share, looked_at, rng):
    seen = []

    class Spy(Plane):
        def forward(self, x):
            seen.append(len(x))
            return super().forward(x)

    G, D = Black(), Spy(3.0)
    opt_g, opt_d = (torch.optim.SGD(network.parameters(), lr=0.1) for network in (G, D))
    recipe = Recipe(r1=0.5, r1_share=share)
    a_round(G, D, opt_g, opt_d, [torch.zeros(8, 1, 28, 28)], rng, recipe)
    assert seen == [8, 8, looked_at, 8]  # real, fake, the penalty's, and the fakes of G's step
    assert D.a.norm().item() == pytest.approx(3.0 - 0.1 * 0.5 * 3.0, rel=1e-5)


def test_the_gradient_penalty_looks_between_real_and_fake(rng):
    seen: list[Any] = []

    class Spy(Plane):
        def forward(self, x):
            seen.append(x.detach())
            return super().forward(x)

    gradient_penalty(Spy(1.0), torch.ones(200, 1, 28, 28), -torch.ones(200, 1, 28, 28), rng)
    values = seen[0][:, 0, 0, 0]
    assert values.min() > -1 and values.max() < 1 and values.std() > 0.5  # each image at a point of its own
    assert torch.equal(seen[0][:, 0, 5, 5], values)


def test_spectral_norm_bounds_every_layer():
    torch.manual_seed(0)
    D = models.DCGANDiscriminator()
    first: Any = D.net[2]
    linear: Any = D.net[-2]
    for p in D.parameters():
        p.data *= 30
    spectral_norm(D)
    for _ in range(50):  # one power iteration each
        D(torch.zeros(2, 1, 28, 28))
    assert torch.linalg.matrix_norm(linear.weight, 2).item() == pytest.approx(1, abs=1e-3)
    assert torch.linalg.matrix_norm(first.weight.flatten(1), 2).item() == pytest.approx(1, abs=0.02)


# --- what D sees


@pytest.mark.parametrize("name", AUGMENTATIONS)
@pytest.mark.parametrize("shape", [(6, 1, 28, 28), (5, 3, 16, 16)])
def test_augmentations_keep_the_shape_and_pass_gradients(name, shape, rng):
    x = torch.rand(shape) * 2 - 1
    x.requires_grad_()
    y = view(x, Recipe(augment=(name,)), rng)
    assert y.shape == x.shape
    assert not torch.equal(y, x)
    y.sum().backward()
    assert x.grad is not None
    assert x.grad.abs().sum() > 0
    other = view(x, Recipe(augment=(name,)), rng)
    assert not torch.equal(y, other)  # drawn anew


def test_half_of_the_images_are_mirrored(rng):
    x = torch.rand(400, 3, 4, 6)
    y = flip(x, rng)
    same = (y == x).flatten(1).all(1)
    mirrored = (y == x.flip(3)).flatten(1).all(1)
    assert (same ^ mirrored).all() and 160 <= int(mirrored.sum()) <= 240  # 4 standard deviations


def test_only_real_images_are_mirrored(images, rng):
    """Real images are dark on the left, fakes on the right: D must never see a fake that is dark on the left."""
    dark_left = torch.full((8, 1, 28, 28), 0.5)
    dark_left[..., :14] = -0.5
    seen = []

    class Fixed(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.shift = torch.nn.Parameter(torch.zeros(()))

    class G(Fixed):
        def forward(self, z):
            return dark_left.flip(3) + self.shift

    class D(Fixed):
        def forward(self, x):
            seen.append(x[:, 0, 0, 0].detach() < 0)
            return x.mean((1, 2, 3)) * self.shift

    g, d = G(), D()
    opt_g, opt_d = (torch.optim.SGD(network.parameters(), 0.0) for network in (g, d))
    a_round(g, d, opt_g, opt_d, [dark_left], rng, Recipe(augment=("flip",)))
    real, fake, fake_again = seen
    assert 0 < int(real.sum()) < 8 and not fake.any() and not fake_again.any()


def test_translation_moves_each_image_by_its_own_shift(rng):
    x = torch.zeros(40, 1, 28, 28)
    x[:, 0, 14, 14] = 1.0
    y = AUGMENTATIONS["translation"](x, rng)
    places = y.flatten(1).argmax(1)
    rows, columns = places // 28, places % 28
    assert torch.equal(y.sum((1, 2, 3)), torch.ones(40))
    assert rows.min() >= 10 and rows.max() <= 18 and len(set(rows.tolist())) > 4
    assert columns.min() >= 10 and columns.max() <= 18 and len(set(places.tolist())) > 15


def test_cutout_removes_at_most_a_quarter(rng):
    y = AUGMENTATIONS["cutout"](torch.ones(100, 1, 32, 32), rng)
    gone = (y == 0).float().mean((1, 2, 3))
    assert gone.max() <= 17 * 17 / 32**2 and gone.max() > 0.24
    assert gone.min() >= 8 * 8 / 32**2 - 0.01  # centred on a corner, a quarter of the square is inside


def test_noise_has_its_standard_deviation_and_none_leaves_the_images(rng):
    x = torch.zeros(20, 1, 28, 28)
    assert view(x, Recipe(), rng) is x
    assert view(x, Recipe(noise=0.3), rng).std().item() == pytest.approx(0.3, rel=0.05)
