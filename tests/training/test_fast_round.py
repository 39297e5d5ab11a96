"""Two perceptrons' round with its passes written out gives what `train_step` gives, and steps aside where it must."""

import copy
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import nn

from gancourse import models
from gancourse.data import Images
from gancourse.models.fast_perceptron import Perceptron
from gancourse.training import Minimax, Recipe, Trainer, train_step
from gancourse.training.fast_round import SLOPES, FastRound
from gancourse.training.losses import LOSSES, non_saturating_loss, saturating_loss
from gancourse.training.trainer import Config

CONFIG = Config(model="mlp", batch_size=16, epochs=2, precision="float32")


@pytest.fixture
def images():
    pixels = torch.randint(0, 256, (96, 1, 28, 28), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    return Images(pixels, name="noise")


def pair(name="mlp") -> Any:
    torch.manual_seed(0)
    return models.networks(name)


def minimax(recipe: Any = None, name: str = "mlp") -> Any:
    G, D = pair(name)
    return Minimax(G, D, recipe)


def adam(network):
    return torch.optim.Adam(network.parameters(), 1e-3, (0.5, 0.999), fused=True)


@pytest.mark.parametrize("name", ["mlp", "schulz"])
def test_written_out_passes_give_autograd_s_gradients(name):
    for network, size in zip(pair(name), (100, 784), strict=True):
        network = network.double()
        twin, passes = copy.deepcopy(network), Perceptron(network, torch.float64)
        x = torch.randn(5, size, dtype=torch.float64, generator=torch.Generator().manual_seed(1)).requires_grad_()
        layers = list(twin.net) if isinstance(twin, models.Generator) else twin.layers
        y = nn.Sequential(*layers)(x)
        slope = torch.randn(y.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
        y.backward(slope)
        assert torch.allclose(passes.forward(x.detach()), y)
        of_inputs = passes.backward(slope.clone(), inputs=True)
        assert of_inputs is not None and x.grad is not None and torch.allclose(of_inputs, x.grad)
        for mine, theirs in zip(network.parameters(), twin.parameters(), strict=True):
            assert torch.allclose(mine.grad, theirs.grad)
        assert torch.allclose(
            passes.gradient.norm(), torch.nn.utils.get_total_norm([p.grad for p in twin.parameters()])
        )


def test_slopes_of_g_s_losses_are_those_of_autograd():
    assert set(SLOPES) == {pair.generator for pair in LOSSES.values()}
    for loss, slope in SLOPES.items():
        s = torch.linspace(-4, 4, 9, dtype=torch.float64).requires_grad_()
        loss(s).backward()
        assert s.grad is not None and torch.allclose(slope(s.detach().sigmoid()) / 9, s.grad)


@pytest.mark.parametrize("loss", [non_saturating_loss, saturating_loss])
@pytest.mark.parametrize("fresh_z", [True, False])
@pytest.mark.parametrize("k", [1, 3])
def test_a_round_gives_what_train_step_gives(loss, fresh_z, k):
    G, D = pair()
    G2, D2 = copy.deepcopy(G), copy.deepcopy(D)
    fast, opt = FastRound(G, D, torch.float32), (adam(G), adam(D))
    opt2 = adam(G2), adam(D2)
    rng, rng2 = (torch.Generator().manual_seed(3) for _ in range(2))
    for step in range(4):
        batches = [torch.rand(16, 1, 28, 28, generator=torch.Generator().manual_seed(9 * step + i)) for i in range(k)]
        mine = fast(batches, rng, *opt, loss, fresh_z)
        theirs = train_step(G2, D2, *opt2, batches, rng2, loss, fresh_z)
        assert torch.allclose(mine, theirs, rtol=1e-4, atol=1e-6), step
    assert torch.equal(rng.get_state(), rng2.get_state())
    for mine, theirs in zip([*G.parameters(), *D.parameters()], [*G2.parameters(), *D2.parameters()], strict=True):
        assert torch.allclose(mine, theirs, atol=2e-5)
    assert all(p.requires_grad for p in D.parameters())


def test_in_bfloat16_it_trains_as_autocast_does(images):
    def losses(plain):
        algorithm = minimax()
        trainer = Trainer(algorithm, images, replace(CONFIG, precision="bfloat16", lr=1e-3), device="cpu")
        if plain:
            algorithm._fast = None
        return torch.tensor([[row["loss_d"], row["loss_g"]] for row in trainer.fit(progress=False)])

    assert torch.allclose(losses(True), losses(False), atol=0.03)


def test_the_trainer_takes_it_where_nothing_else_is_asked_for(images):
    def taken(algorithm, config=CONFIG, **more: Any):
        Trainer(algorithm, images, config, device="cpu", **more)
        return algorithm._fast is not None

    assert taken(minimax()) and taken(minimax(name="schulz"))
    assert taken(minimax(Recipe(decay=True, lr_d=1e-3)))
    assert not taken(minimax(), replace(CONFIG, fast=False))
    assert not taken(minimax(), accumulate=2)
    assert not taken(minimax(Recipe(r1=1.0)))
    assert not taken(minimax(name="dcgan"), replace(CONFIG, model="dcgan"))
    mixed = pair()[0], pair("dcgan")[1]
    assert not taken(Minimax(*mixed))


def test_who_listens_to_an_optimiser_s_steps_hears_them(images):
    algorithm, steps = minimax(), []
    trainer = Trainer(algorithm, images, CONFIG, device="cpu")
    algorithm.optimisers["opt_g"].register_step_pre_hook(lambda *_: steps.append("g"))
    algorithm.optimisers["opt_d"].register_step_post_hook(lambda *_: steps.append("d"))
    trainer.fit(progress=False)
    assert steps == ["d", "g"] * (2 * 6)


@pytest.mark.parametrize(
    "change",
    [
        lambda D: D.net[0].register_forward_hook(lambda *_: None),
        lambda D: nn.utils.parametrizations.spectral_norm(D.net[0]),
        lambda D: D.net[0].requires_grad_(False),
        lambda D: D.net.insert(2, nn.Dropout()),
        lambda D: D.net.insert(1, nn.BatchNorm1d(256)),
        lambda D: setattr(D.net[1], "negative_slope", -0.2),
        lambda D: D.net.append(nn.Sigmoid()),
        lambda D: D.net.insert(0, nn.Linear(49_152, 784)),  # 128 pixels
    ],
)
def test_networks_whose_passes_are_more_than_products_are_left_alone(change):
    D = pair()[1]
    assert Perceptron.fits(D)
    change(D)
    assert not Perceptron.fits(D)


def test_it_goes_on_bit_for_bit_and_repeats(images, tmp_path):
    def train(epochs, out):
        algorithm = minimax()
        trainer = Trainer(algorithm, images, replace(CONFIG, epochs=epochs), out=out, device="cpu")
        trainer.fit(progress=False)
        assert algorithm._fast is not None
        return trainer.networks["G"].state_dict()

    train(1, tmp_path / "two")
    resumed, whole, again = train(2, tmp_path / "two"), train(2, tmp_path / "one"), train(2, None)
    for name, value in whole.items():
        assert torch.equal(value, resumed[name]) and torch.equal(value, again[name]), name
