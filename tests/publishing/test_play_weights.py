"""Layers as the page "Play" computes them: folded, rounded to eight bits, and packed for its scripts."""

import base64

import numpy as np
import pytest
import torch
from torch import nn

from gancourse.models import networks
from gancourse.models.critics import DCGANVariant
from gancourse.models.dcgan import DCGANGenerator
from gancourse.models.mlp import MLPGenerator, SchulzGenerator
from gancourse.models.residual import ResidualGenerator
from gancourse.publishing.website import play_weights
from gancourse.publishing.website.play_weights import folded, packed, rounded

pytestmark = pytest.mark.usefixtures("one_thread")


def trained(G):
    """A generator with weights, and statistics of BatchNorm, that are not those of a beginning."""
    rng = torch.Generator().manual_seed(0)
    for module in G.modules():
        if isinstance(module, nn.BatchNorm2d):
            n = module.num_features
            module.running_mean, module.running_var = torch.randn(n, generator=rng), torch.rand(n, generator=rng) + 0.1
        for parameter in module.parameters(recurse=False):
            parameter.data += 0.05 * torch.randn(parameter.shape, generator=rng)
    return G.eval().requires_grad_(False)


MADE = {
    "mlp": MLPGenerator,
    "schulz": SchulzGenerator,
    "dcgan": DCGANGenerator,
    "narrow": lambda: DCGANVariant(width=4),
    "without norm": lambda: DCGANVariant(width=4, norm_g=False),
}


@pytest.fixture(params=MADE)
def G(request):
    torch.manual_seed(0)
    return trained(MADE[request.param]())


@pytest.fixture
def z():
    return torch.randn(5, 100, generator=torch.Generator().manual_seed(1))


def test_folded_layers_compute_what_the_generator_computes(G, z):
    layers = folded(G)
    torch.testing.assert_close(play_weights.images(layers, z), G(z), rtol=1e-4, atol=1e-5)
    assert all(layer.scale is None for layer in layers)


def test_eight_bits_are_half_a_step_from_the_weights_at_most(G):
    for before, after in zip(folded(G), rounded(folded(G)), strict=True):
        assert after.weight.dtype == torch.int8 and after.weight.abs().max() == 127
        by_channel = (before.weight - after.real).abs()
        by_channel = by_channel if by_channel.ndim == 2 else by_channel.permute(1, 0, 2, 3).flatten(1)
        assert after.scale is not None and (by_channel.amax(1) <= after.scale * 0.5001).all()
        assert torch.equal(before.bias, after.bias)


def test_a_channel_of_zeros_stays_one(z):
    G = trained(DCGANVariant(width=4))
    G.net[0].weight[:, 3] = 0
    layers = rounded(folded(G))
    assert layers[0].scale is not None and layers[0].scale[3] == 1 and not layers[0].weight[:, 3].any()
    assert play_weights.images(layers, z).isfinite().all()


def in_the_browser(layers, z):
    """What network.js does with packed layers, in numpy: a product, and for transposed convolutions a scatter."""
    x = z.numpy()
    for about in layers:
        q, scale, bias = (
            np.frombuffer(base64.b64decode(about[name]), kind)
            for name, kind in (("weights", np.int8), ("scales", "<f4"), ("bias", "<f4"))
        )
        rows, channels, side = about["rows"], about["channels"], about["side"]
        w = q.reshape(rows, about["inputs"]) * scale[np.arange(rows) % channels][:, None]
        columns = x.reshape(-1, about["inputs"]) @ w.T
        if about["kind"] == "linear":
            y = columns + bias[np.arange(rows) % channels]
        else:
            columns = columns.reshape(len(z), side, side, 4, 4, channels)
            wide = np.zeros((len(z), 2 * side + 2, 2 * side + 2, channels))
            for row in range(side):
                for column in range(side):
                    wide[:, 2 * row : 2 * row + 4, 2 * column : 2 * column + 4] += columns[:, row, column]
            y = wide[:, 1:-1, 1:-1] + bias
        below = 0.0 if about["after"] == "relu" else 0.2 * y
        x = np.tanh(y) if about["after"] == "tanh" else np.where(y < 0, below, y)
    return x.reshape(len(z), 28, 28)


def test_what_is_packed_gives_pytorchs_images_by_the_scripts_rules(G, z):
    layers = rounded(folded(G))
    expected = play_weights.images(layers, z)[:, 0].numpy()
    assert np.abs(in_the_browser(packed(layers), z) - expected).max() < 1e-5


@pytest.mark.parametrize(
    "make",
    [
        lambda: ResidualGenerator(width=4),
        lambda: DCGANVariant(width=4, deep=True),
        lambda: networks("dcgan-clusters")[0],
    ],
    ids=["residual", "deep", "clusters"],
)
def test_a_generator_that_the_page_cannot_compute_is_refused_by_name(make):
    with pytest.raises(ValueError, match=r"the page cannot compute .*choose another generator"):
        folded(make())


def test_another_slope_or_an_activation_that_is_missing_is_refused():
    G = MLPGenerator()
    G.net[1] = nn.LeakyReLU(0.1)
    with pytest.raises(ValueError, match=r"cannot compute LeakyReLU\(negative_slope=0.1\)"):
        folded(G)
    G.net = G.net[:1]
    with pytest.raises(ValueError, match="cannot compute None behind Linear"):
        folded(G)


def test_what_is_not_in_eight_bits_or_not_in_pairs_is_not_packed():
    with pytest.raises(ValueError, match="not in eight bits"):
        packed(folded(MLPGenerator()))
    odd = play_weights.Layer(torch.ones(3, 2, dtype=torch.int8), torch.ones(3), torch.zeros(3), 1, "relu")
    with pytest.raises(ValueError, match="3 rows"):
        packed([odd])
