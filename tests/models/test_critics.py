"""Critics, P1's generator with parts exchanged, and spectral norm that moves only when it should."""

import copy
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations

from gancourse import models
from gancourse.models import Critic, DCGANVariant, count_parameters, networks
from gancourse.models.base import eval_mode
from gancourse.models.catalogue import defaults_of, options_in, options_of
from gancourse.models.fast import plan
from gancourse.models.spectral import computed_once, held, normalised, spectral_norm

CPU = torch.device("cpu")


def pair(**options) -> Any:
    return networks("critic", **options)


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


def state(network):
    return {k: v.clone() for k, v in network.state_dict().items()}


def same(network, before):
    return all(torch.equal(v, before[k]) for k, v in network.state_dict().items())


# -------------------------------------------------------------------------------- networks


def test_at_its_defaults_the_generator_is_p1s_layer_for_layer():
    G, _ = pair()
    assert [repr(layer) for layer in G.net] == [repr(layer) for layer in models.DCGANGenerator().net]
    G.load_state_dict(models.DCGANGenerator().state_dict())


def test_at_its_defaults_the_critic_is_the_strong_discriminator_without_its_sigmoid():
    _, D = pair()
    assert [repr(layer) for layer in D.net] == [repr(layer) for layer in models.StrongDiscriminator().net[:-1]]
    assert count_parameters(D) == 659_137


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"channels": 3},
        {"packing": 2},
        {"channels": 3, "packing": 2, "width": 6},
        {"norm_g": False},
        {"deep": True},
        {"deep": True, "norm_g": False, "norm_d": True},
        {"spectral": True},
    ],
    ids=str,
)
def test_z_to_images_to_scores(options):
    options = {"width": 4} | options
    G, D = pair(**options)
    channels, packing = options.get("channels", 1), options.get("packing", 1)
    x = G(torch.randn(4, 100))
    assert x.shape == (4, channels, 28, 28) and x.abs().max() <= 1
    scores = D(x.reshape(4 // packing, packing * channels, 28, 28))
    assert scores.shape == (4 // packing,)
    layers = [type(layer) for layer in D.modules()]
    assert nn.Sigmoid not in layers
    assert (nn.BatchNorm2d in layers) == bool(options.get("norm_d"))
    assert any(isinstance(layer, nn.BatchNorm2d) for layer in G.modules()) == options.get("norm_g", True)
    assert len([1 for layer in G.net if isinstance(layer, nn.Conv2d)]) == 2 * options.get("deep", False)
    assert options_in({"options": {"G": G.options, "D": D.options}}) == defaults_of("critic") | options
    with pytest.raises(models.ShapeError, match="expected"):
        D(torch.zeros(2, packing * channels + 1, 28, 28))


def test_scores_are_any_numbers_and_no_probabilities():
    _, D = pair(width=4)
    with torch.no_grad():
        D.net[-1].bias.fill_(-40.0)
        assert D(torch.zeros(2, 1, 28, 28)).max() < -30
    with pytest.raises(TypeError, match="no probability"):
        D.probability(torch.zeros(2, 1, 28, 28))


def test_options_belong_to_the_network_that_has_them():
    assert set(options_of("critic")) == {"width", "channels", "norm_g", "deep", "packing", "norm_d", "spectral"}
    assert options_of("dcgan") == () and options_of("residual") == ("width",)
    assert defaults_of("residual") == {"width": 64} and defaults_of("mlp") == {}
    with pytest.raises(ValueError, match="deep is 1, and residual has no such option; it has width"):
        networks("residual", deep=1)
    assert options_in({"options": {"G": {"width": 8}, "D": {"width": 8}}}) == {"width": 8}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"width": 5}, "width is 5, expected an even number"),
        ({"width": 0}, "width is 0, expected a whole number of at least 1"),
        ({"channels": 0}, "channels is 0, expected"),
        ({"packing": -1}, "packing is -1, expected"),
        ({"width": "4"}, "width is '4', expected"),
    ],
    ids=str,
)
def test_sizes_that_are_none_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        pair(**options)


def test_the_critic_starts_by_he_and_the_generator_by_dcgan():
    G, D = pair(width=64)
    for layer in D.net:
        if isinstance(layer, nn.Conv2d | nn.Linear):
            fan_in = layer.weight[0].numel()
            expected = (2 / (1.04 * fan_in)) ** 0.5
            n = layer.weight.numel()
            assert layer.weight.std().item() == pytest.approx(expected, rel=5 / (2 * n) ** 0.5 + 1e-3)
            assert layer.bias is not None and not layer.bias.any()
    assert G.net[0].weight.std().item() == pytest.approx(0.02, rel=0.02)
    assert G.net[1].weight.mean().item() == pytest.approx(1.0, abs=0.02)
    torch.manual_seed(0)
    again = pair(width=64)
    assert same(again[0], state(G)) and same(again[1], state(D))


@pytest.mark.parametrize("spectral", [False, True])
@pytest.mark.parametrize("options", [{}, {"channels": 3, "norm_g": False, "deep": True, "packing": 2}], ids=str)
def test_the_fast_path_gives_the_same_images_scores_and_gradients(options, spectral):
    G, D = pair(width=4, spectral=spectral, **options)
    packing, channels = options.get("packing", 1), options.get("channels", 1)
    D.eval()  # one and the same weight for both
    z = torch.randn(6, 100)
    found = []
    for g, d in ((G, D), tuple(plan("float32", True, CPU, G, D).prepare(n) for n in (G, D))):
        G.zero_grad()
        D.zero_grad()
        x = g(z)
        scores = d(x.reshape(6 // packing, packing * channels, 28, 28))
        scores.square().sum().backward()
        found.append([x, scores, *[p.grad.clone() for p in [*G.parameters(), *D.parameters()]]])
    for plain, quick in zip(*found, strict=True):
        torch.testing.assert_close(quick, plain, rtol=1e-3, atol=1e-5 * max(1.0, plain.abs().max().item()))


# -------------------------------------------------------------------------------- spectral norm


def critic(**options):
    return pair(width=4, spectral=True, **options)[1]


def test_every_weight_of_a_spectral_critic_is_normalised_and_no_other():
    D = critic()
    assert [type(layer).__name__ for layer in normalised(D)] == ["ParametrizedConv2d"] * 3 + ["ParametrizedLinear"]
    assert normalised(pair(width=4)[1]) == []
    x = torch.randn(2, 1, 28, 28)
    for _ in range(50):
        D(x)
    for layer in normalised(D.eval()):
        assert torch.linalg.matrix_norm(layer.weight.flatten(1), 2).item() == pytest.approx(1.0, abs=1e-3)


def test_a_4x4_convolution_with_stride_2_stretches_by_2_at_most():
    layer = spectral_norm(nn.Sequential(nn.Conv2d(2, 3, 4, 2, 1, bias=False)))
    x = torch.randn(200, 2, 28, 28)
    for _ in range(30):
        layer(x)
    layer.eval()
    probe = torch.randn(1, 2, 28, 28)
    for _ in range(100):  # power iteration on the layer itself
        probe = (probe / probe.norm()).requires_grad_()
        y = layer(probe)
        (probe,) = torch.autograd.grad(y, probe, y)
    stretch = layer(probe / probe.norm()).norm().item()
    assert 1.0 < stretch <= 2.0


def test_an_evaluation_does_not_move_it():
    D = critic()
    before, x = state(D), torch.randn(3, 1, 28, 28)
    with eval_mode(D):
        D(x)
    assert same(D, before)
    with held(D):
        assert D.training
        D(x)
    assert same(D, before)
    D(x)  # as PyTorch has it: reading a weight in train mode moves it
    assert not same(D, before)


def test_held_gives_the_modes_back_after_an_error():
    D = critic()
    with pytest.raises(RuntimeError, match="stop"), held(D):
        raise RuntimeError("stop")
    assert all(part.training for part in D.modules())


def test_computed_once_is_one_power_iteration_and_one_weight():
    D, x = critic(), torch.randn(3, 1, 28, 28)
    twin = copy.deepcopy(D)
    for layer in normalised(twin):
        _ = layer.weight  # one iteration each
    with computed_once(D):
        first, second = D(x), D(x)
        weights = {id(layer.weight) for layer in normalised(D) for _ in range(2)}
        assert len(weights) == 4
    assert torch.equal(first, second) and same(D, state(twin))
    apart = critic()
    assert not torch.equal(apart(x), apart(x))
    (first.sum() + second.sum()).backward()
    assert all(p.grad is not None for p in D.parameters())


def test_computed_once_stays_in_float32_under_autocast():
    D, seen = critic(), []
    D.net[0].parametrizations.weight[0].register_forward_hook(
        lambda *_: seen.append(torch.is_autocast_enabled("cpu"))  # on CUDA it would compute products in half precision
    )
    with torch.autocast("cpu", torch.bfloat16), computed_once(D):
        assert all(layer.weight.dtype == torch.float32 for layer in normalised(D))
        assert D(torch.randn(2, 1, 28, 28)).dtype == torch.bfloat16
    assert seen == [False] and all(b.dtype == torch.float32 for b in D.buffers())


def test_without_spectral_norm_both_do_nothing():
    D = pair(width=4)[1]
    before = state(D)
    with held(D), computed_once(D):
        D(torch.randn(2, 1, 28, 28))
    assert same(D, before)


def test_it_is_pytorchs():
    (layer,) = normalised(spectral_norm(nn.Sequential(nn.Linear(5, 4))))
    assert type(layer.parametrizations.weight[0]) is parametrizations._SpectralNorm
    assert isinstance(Critic(4, spectral=True).net[0], nn.Conv2d) and isinstance(DCGANVariant(4).net[0], nn.Module)
