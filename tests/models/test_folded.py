"""Networks that are only looked through give what the printed ones give, up to rounding, and change nothing."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn.utils.parametrizations import spectral_norm

from gancourse import evaluation
from gancourse.data import mnist, scale
from gancourse.evaluation.features import RandomNetwork
from gancourse.evaluation.image_batches import generate
from gancourse.models import MLPGenerator, networks
from gancourse.models.folded import folded, quick

pytestmark = pytest.mark.usefixtures("one_thread")


def lived_in(network):
    """The network in eval mode, with statistics and gains as after some training."""
    rng = torch.Generator().manual_seed(0)
    for layer in network.modules():
        if isinstance(layer, nn.BatchNorm1d | nn.BatchNorm2d):
            for tensor, low, high in (
                *((layer.running_mean, -1, 1), (layer.running_var, 0.5, 2)),
                *((layer.weight, 0.5, 2), (layer.bias, -1, 1)),
            ):
                if tensor is not None:
                    tensor.data.uniform_(low, high, generator=rng)
    return network.eval()


@pytest.mark.parametrize("name", ["mlp", "dcgan", "schulz", "residual", "dcgan128", "biggan", "stylegan"])
@torch.no_grad()
def test_images_are_those_of_the_generator(name):
    torch.manual_seed(0)
    G = lived_in(networks(name, **({"width": 8} if name in ("dcgan128", "stylegan") else {}))[0])
    before = {key: value.clone() for key, value in G.state_dict().items()}
    make, z = quick(G), torch.randn(6, G.z_size)
    if name in ("residual", "biggan", "stylegan"):
        assert make is G
        return
    assert make is not G and not any(isinstance(part, nn.BatchNorm2d) for part in make.modules())
    assert torch.allclose(make(z), G(z), atol=2e-5)
    assert torch.allclose(
        torch.cat(list(generate(G, 6, 0))), G(torch.randn(6, G.z_size, generator=seeded())), atol=2e-5
    )
    after = G.state_dict()
    assert before.keys() == after.keys() and all(torch.equal(before[key], after[key]) for key in before)
    assert all(before[key].stride() == after[key].stride() for key in before)
    with pytest.raises(ValueError, match="z has shape"):
        make(torch.randn(6, 3))


def seeded():
    return torch.Generator().manual_seed(0)


def test_what_is_no_plain_chain_is_taken_as_it_is():
    G = networks("mlp")[0]
    assert quick(G.train()) is G
    G.eval().net[0].register_forward_hook(lambda layer, given, out: out + 1)
    assert quick(G) is G
    assert quick(networks("mlp")[0].eval().double()).__class__ is G.__class__

    class Own(MLPGenerator):
        def forward(self, z):
            return super().forward(z) / 2

    own = Own().eval()
    assert quick(own) is own


def test_layers_that_are_not_plain_stay():
    torch.manual_seed(0)
    layers = lived_in(nn.Sequential(spectral_norm(nn.Conv2d(2, 4, 3)), nn.BatchNorm2d(4), nn.ReLU()))
    x = torch.randn(3, 2, 5, 5)
    assert isinstance(folded(layers)[1], nn.BatchNorm2d)
    assert torch.allclose(folded(layers)(x), layers(x), atol=1e-5)


def test_the_classifiers_features_are_its_own_and_gradients_pass():
    model, look = evaluation.classifier(), evaluation.classifier_features()
    x = scale(mnist("test").pixels[:100]).requires_grad_()
    features, logits = look.both(x)
    assert logits is not None
    assert torch.allclose(features, model.features(x), atol=1e-5) and torch.allclose(logits, model(x), atol=1e-5)
    (mine,) = torch.autograd.grad(features.square().sum(), x)
    (theirs,) = torch.autograd.grad(model.features(x).square().sum(), x)
    assert torch.allclose(mine, theirs, atol=1e-4 * theirs.abs().max().item())
    with torch.no_grad():
        kept = x.clone()
        look(x)
        assert torch.equal(x, kept)  # nothing is done in place to what was given


def test_random_features_are_the_networks_and_keep_their_key():
    x = torch.rand(5, 3, 40, 40, generator=seeded()) * 2 - 1
    look, network = evaluation.random_features(3, 7), RandomNetwork(3, 7)
    assert torch.allclose(look(x), network(x), atol=1e-5)
    assert look.key == evaluation.features.weights_key(network)
