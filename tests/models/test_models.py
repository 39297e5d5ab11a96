"""Each network is the one its paper prints: layers, shapes, parameter counts, initialisation."""

from collections.abc import Callable

import pytest
import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy

from gancourse import models
from gancourse.models import Discriminator, Generator, ShapeError, count_parameters, init_dcgan, networks
from gancourse.models.catalogue import options_of
from gancourse.training.losses import discriminator_loss, non_saturating_loss, saturating_loss

# The module trees as the papers print them. P1 says "all with bias" of the MLP and "no conv bias" of DCGAN.
P1_MLP_G = """
Linear(in_features=100, out_features=128, bias=True)
LeakyReLU(negative_slope=0.2)
Linear(in_features=128, out_features=256, bias=True)
LeakyReLU(negative_slope=0.2)
Linear(in_features=256, out_features=784, bias=True)
Tanh()
"""
P1_MLP_D = """
Linear(in_features=784, out_features=256, bias=True)
LeakyReLU(negative_slope=0.2)
Linear(in_features=256, out_features=128, bias=True)
LeakyReLU(negative_slope=0.2)
Linear(in_features=128, out_features=1, bias=True)
Sigmoid()
"""
P2_G = """
Linear(in_features=100, out_features=128, bias=True)
ReLU()
Linear(in_features=128, out_features=256, bias=True)
ReLU()
Linear(in_features=256, out_features=512, bias=True)
ReLU()
Linear(in_features=512, out_features=784, bias=True)
Tanh()
"""
P2_D = """
Linear(in_features=784, out_features=512, bias=True)
ReLU()
Linear(in_features=512, out_features=256, bias=True)
ReLU()
Linear(in_features=256, out_features=1, bias=True)
Sigmoid()
"""
P1_DCGAN_G = """
ConvTranspose2d(100, 256, kernel_size=(7, 7), stride=(1, 1), bias=False)
BatchNorm2d(256)
ReLU()
ConvTranspose2d(256, 128, kernel_size=(4, 4), stride=(2, 2), padding=(1, 1), bias=False)
BatchNorm2d(128)
ReLU()
ConvTranspose2d(128, 1, kernel_size=(4, 4), stride=(2, 2), padding=(1, 1), bias=False)
Tanh()
"""
P1_DCGAN_D = """
Conv2d(1, 64, kernel_size=(4, 4), stride=(2, 2), padding=(1, 1), bias=False)
LeakyReLU(negative_slope=0.2)
Conv2d(64, 128, kernel_size=(4, 4), stride=(2, 2), padding=(1, 1), bias=False)
BatchNorm2d(128)
LeakyReLU(negative_slope=0.2)
Flatten(start_dim=1, end_dim=-1)
Linear(in_features=6272, out_features=1, bias=True)
Sigmoid()
"""
P4_G = """
ConvTranspose2d(100, 1024, kernel_size=(4, 4), stride=(1, 1), bias=False)
BatchNorm2d(1024)
ReLU()
ConvTranspose2d(1024, 512, kernel_size=(4, 4), stride=(2, 2), padding=(1, 1), bias=False)
BatchNorm2d(512)
ReLU()
ConvTranspose2d(512, 256, kernel_size=(4, 4), stride=(2, 2), padding=(1, 1), bias=False)
BatchNorm2d(256)
ReLU()
ConvTranspose2d(256, 128, kernel_size=(4, 4), stride=(2, 2), padding=(1, 1), bias=False)
BatchNorm2d(128)
ReLU()
ConvTranspose2d(128, 64, kernel_size=(4, 4), stride=(2, 2), padding=(1, 1), bias=False)
BatchNorm2d(64)
ReLU()
ConvTranspose2d(64, 3, kernel_size=(4, 4), stride=(2, 2), padding=(1, 1), bias=False)
Tanh()
"""
P4_D_NORM_FIRST = """
Conv2d(3, 64, kernel_size=(4, 4), stride=(2, 2), padding=(1, 1), bias=False)
BatchNorm2d(64)
LeakyReLU(negative_slope=0.2)
Conv2d(64, 128, kernel_size=(4, 4), stride=(2, 2), padding=(1, 1), bias=False)
BatchNorm2d(128)
LeakyReLU(negative_slope=0.2)
Conv2d(128, 256, kernel_size=(4, 4), stride=(2, 2), padding=(1, 1), bias=False)
BatchNorm2d(256)
LeakyReLU(negative_slope=0.2)
Conv2d(256, 512, kernel_size=(4, 4), stride=(2, 2), padding=(1, 1), bias=False)
BatchNorm2d(512)
LeakyReLU(negative_slope=0.2)
Conv2d(512, 1024, kernel_size=(4, 4), stride=(2, 2), padding=(1, 1), bias=False)
BatchNorm2d(1024)
LeakyReLU(negative_slope=0.2)
Conv2d(1024, 1, kernel_size=(4, 4), stride=(1, 1), bias=False)
Sigmoid()
"""
P4_D = P4_D_NORM_FIRST.replace("BatchNorm2d(64)\n", "")

# By hand. A linear layer has inputs x outputs weights (+ outputs biases), a convolution in x out x kernel
# area, BatchNorm a weight and a bias a channel. ReLU, Tanh, Flatten and Sigmoid have nothing.
COUNTS = {
    "mlp G": (100 * 128 + 128) + (128 * 256 + 256) + (256 * 784 + 784),  # 12,928 + 33,024 + 201,488
    "mlp D": (784 * 256 + 256) + (256 * 128 + 128) + (128 * 1 + 1),  # 200,960 + 32,896 + 129
    "schulz G": (100 * 128 + 128) + (128 * 256 + 256) + (256 * 512 + 512) + (512 * 784 + 784),
    "schulz D": (784 * 512 + 512) + (512 * 256 + 256) + (256 * 1 + 1),
    "dcgan G": (100 * 256 * 7 * 7 + 2 * 256)  # 1,254,400 + 512
    + (256 * 128 * 4 * 4 + 2 * 128)  # 524,288 + 256
    + 128 * 1 * 4 * 4,  # 2,048
    "dcgan D": 1 * 64 * 4 * 4  # 1,024
    + (64 * 128 * 4 * 4 + 2 * 128)  # 131,072 + 256
    + (128 * 7 * 7 * 1 + 1),  # 6,272 + 1
    "dcgan128 G": 4 * 4 * (100 * 1024 + 1024 * 512 + 512 * 256 + 256 * 128 + 128 * 64 + 64 * 3)  # 12,782,592
    + 2 * (1024 + 512 + 256 + 128 + 64),  # 3,968
    "dcgan128 D": 4 * 4 * (3 * 64 + 64 * 128 + 128 * 256 + 256 * 512 + 512 * 1024 + 1024 * 1)  # 11,160,576
    + 2 * (128 + 256 + 512 + 1024),  # 3,840
}

PRINTED: dict[str, tuple[Callable[[], Generator | Discriminator], str]] = {
    "mlp G": (models.MLPGenerator, P1_MLP_G),
    "mlp D": (models.MLPDiscriminator, P1_MLP_D),
    "schulz G": (models.SchulzGenerator, P2_G),
    "schulz D": (models.SchulzDiscriminator, P2_D),
    "dcgan G": (models.DCGANGenerator, P1_DCGAN_G),
    "dcgan D": (models.DCGANDiscriminator, P1_DCGAN_D),
    "dcgan128 G": (models.DCGAN128Generator, P4_G),
    "dcgan128 D": (models.DCGAN128Discriminator, P4_D),
    "dcgan128 D as printed": (lambda: models.DCGAN128Discriminator(norm_first=True), P4_D_NORM_FIRST),
}
NAMES = ["mlp", "schulz", "dcgan", "residual", "dcgan64", "dcgan128"]


def as_printed(layer):
    """The layer's repr; of BatchNorm in short, since its full form depends on PyTorch's version."""
    if not isinstance(layer, nn.BatchNorm2d):
        return repr(layer)
    assert (layer.eps, layer.momentum, layer.affine, layer.track_running_stats) == (1e-5, 0.1, True, True)
    return f"BatchNorm2d({layer.num_features})"


def small(name):
    return networks(name, **({} if not options_of(name) else {"width": 4}))


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


# -------------------------------------------------------------------------------- as printed


@pytest.mark.parametrize("name", PRINTED)
def test_the_printed_module_tree(name):
    make, printed = PRINTED[name]
    with torch.device("meta"):
        network = make()
    assert [as_printed(layer) for layer in network.net] == printed.strip().split("\n")
    assert dict(network.named_children()).keys() == {"net"}  # and nothing beside it


def test_the_counts_of_p1_are_those_of_the_paper():
    assert COUNTS["mlp G"] == 247_440
    assert COUNTS["mlp D"] == 233_985
    assert COUNTS["schulz G"] == 579_728  # P2 prints no counts: these are its layers'
    assert COUNTS["schulz D"] == 533_505
    assert COUNTS["dcgan G"] == 1_781_504
    assert COUNTS["dcgan D"] == 138_625
    assert COUNTS["dcgan128 G"] == 12_786_560
    assert COUNTS["dcgan128 D"] == 11_164_416


@pytest.mark.parametrize("name", COUNTS)
def test_parameter_counts(name):
    with torch.device("meta"):
        network = PRINTED[name][0]()
    assert count_parameters(network) == COUNTS[name]
    assert count_parameters(network.requires_grad_(False)) == 0


def test_p4s_reading_as_printed_has_one_batchnorm_more():
    with torch.device("meta"):
        printed = models.DCGAN128Discriminator(norm_first=True)
    assert count_parameters(printed) == COUNTS["dcgan128 D"] + 2 * 64


@pytest.mark.parametrize(
    ("name", "up", "down"),
    [("dcgan", [7, 14, 28], [14, 7]), ("dcgan128", [4, 8, 16, 32, 64, 128], [64, 32, 16, 8, 4, 1])],
)
def test_spatial_sizes_layer_by_layer(name, up, down):
    G, D = small(name)
    for network, x, expected in (
        (G, torch.randn(2, 100, 1, 1), up),
        (D, torch.randn(2, *D.image_shape), down),
    ):
        found = []
        for layer in network.net:
            x = layer(x)
            if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
                found.append(tuple(x.shape[2:]))
        assert found == [(side, side) for side in expected]


# -------------------------------------------------------------------------------- what goes in and out


@pytest.mark.parametrize("name", NAMES)
def test_z_to_images_to_logits(name):
    G, D = small(name)
    z = torch.randn(3, 100)
    x = G(z)
    assert x.shape == (3, *G.image_shape) == (3, *D.image_shape)
    assert x.abs().max() <= 1
    assert D(x).shape == D.probability(x).shape == (3,)
    assert G(z[:1].repeat(2, 1)).shape[0] == 2
    assert D.eval()(G.eval()(z[:1])).shape == (1,)  # a batch of one keeps its axis


@pytest.mark.parametrize("name", NAMES)
def test_forward_is_the_printed_stack_before_its_sigmoid(name):
    G, D = small(name)
    G.eval(), D.eval()
    z = torch.randn(5, 100)
    flat = name in ("mlp", "schulz")
    as_input = z if flat else z.view(5, 100, 1, 1)
    x = G(z)
    assert torch.equal(x, G.net(as_input).view(x.shape))
    p = D.net(x.flatten(1) if flat else x).flatten()
    assert torch.equal(D.probability(x), p)
    assert torch.equal(D(x).sigmoid(), p)
    assert ((p > 0) & (p < 1)).all()


@pytest.mark.parametrize("name", NAMES)
def test_bce_on_the_probability_is_our_loss(name):
    G, D = small(name)
    G.eval(), D.eval()
    x_real, x_fake = torch.rand(6, *D.image_shape) * 2 - 1, G(torch.randn(6, 100)).detach()
    p_real, p_fake = D.probability(x_real), D.probability(x_fake)
    ones, zeros = torch.ones(6), torch.zeros(6)
    bce = binary_cross_entropy(p_real, ones) + binary_cross_entropy(p_fake, zeros)
    assert torch.allclose(discriminator_loss(D(x_real), D(x_fake)), bce, atol=1e-6)
    assert torch.allclose(non_saturating_loss(D(x_fake)), binary_cross_entropy(p_fake, ones), atol=1e-6)
    assert torch.allclose(saturating_loss(D(x_fake)), -binary_cross_entropy(p_fake, zeros), atol=1e-6)


@pytest.mark.parametrize("shape", [(100,), (4, 99), (4, 100, 1, 1), (100, 4)], ids=str)
@pytest.mark.parametrize("name", ["mlp", "schulz", "dcgan"])
def test_z_of_another_shape_is_refused(name, shape):
    G, _ = networks(name)
    with pytest.raises(ShapeError) as caught:
        G(torch.zeros(shape))
    assert f"z has shape {shape}, expected (B, 100): torch.randn(B, 100)" in str(caught.value)


@pytest.mark.parametrize("shape", [(4, 784), (1, 28, 28), (4, 3, 28, 28), (4, 1, 32, 32), (4, 1, 784, 1)], ids=str)
@pytest.mark.parametrize("name", ["mlp", "schulz", "dcgan"])
def test_images_of_another_shape_are_refused(name, shape):
    _, D = networks(name)
    for call in (D, D.probability):
        with pytest.raises(ShapeError) as caught:
            call(torch.zeros(shape))
        assert f"images have shape {shape}, expected (B, 1, 28, 28)" in str(caught.value)


@pytest.mark.parametrize(("c_in", "c_out", "stride"), [(3, 5, 1), (4, 4, 1), (3, 5, 2), (4, 4, 2)])
@pytest.mark.parametrize("side", [7, 14])
def test_branch_and_shortcut_of_the_residual_block_have_one_size(c_in, c_out, stride, side):
    block = models.ResidualBlock(c_in, c_out, stride).eval()
    x = torch.randn(2, c_in, side, side)
    assert block.branch(x).shape == block.shortcut(x).shape == (2, c_out, -(-side // stride), -(-side // stride))
    torch.testing.assert_close(block(x), (block.branch(x) + block.shortcut(x)).relu())
    assert isinstance(block.shortcut, nn.Identity) == (c_in == c_out and stride == 1)
    unpadded = nn.Conv2d(c_out, c_out, 3)(nn.Conv2d(c_in, c_out, 3)(torch.zeros(1, c_in, 14, 14)))
    assert unpadded.shape[-1] == 14 - 4  # P2 as listed


def test_the_residual_pair_costs_no_more_weights_than_dcgan():
    (G, D), (G_dcgan, D_dcgan) = networks("residual"), networks("dcgan")
    assert count_parameters(G) == 100 * 128 * 49 + 2 * 128 + 9 * (128 * 64 + 64 * 64) + 4 * 64 + 128 * 64 + 64 * 16
    assert count_parameters(D) == 32 * 16 + 9 * (32 * 64 + 64 * 64) + 4 * 64 + 32 * 64 + 3136 + 1
    assert count_parameters(G) < count_parameters(G_dcgan) and count_parameters(D) < count_parameters(D_dcgan)


def test_an_unknown_model_is_refused():
    with pytest.raises(ValueError, match="model is 'gan', expected one of mlp, schulz, dcgan, dcgan-strong"):
        networks("gan")


# -------------------------------------------------------------------------------- initialisation


@pytest.mark.parametrize("name", ["dcgan", "dcgan128"])
def test_dcgan_starts_from_its_papers_distributions(name):
    G, D = networks(name, **({} if not options_of(name) else {"width": 16}))
    for network in (G, D):
        for layer in network.net:
            if isinstance(layer, nn.BatchNorm2d):
                expected = 1.0
                assert not layer.bias.any()
            elif isinstance(layer, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
                expected = 0.0
                assert layer.bias is None or not layer.bias.any()
            else:
                continue
            w = layer.weight.detach().flatten()
            # five standard errors of a mean of n draws, and of a standard deviation
            assert abs(w.mean().item() - expected) < 5 * 0.02 / len(w) ** 0.5
            assert abs(w.std().item() - 0.02) < 5 * 0.02 / (2 * len(w)) ** 0.5
            assert (w - expected).abs().max() > 0.02  # drawn, not a constant


def test_init_dcgan_is_seeded_and_draws_anew():
    layer = nn.Conv2d(3, 8, 4)
    before = torch.get_rng_state()
    init_dcgan(layer)
    first = layer.weight.detach().clone()
    init_dcgan(layer)
    assert not torch.equal(layer.weight, first)
    torch.set_rng_state(before)
    init_dcgan(layer)
    assert torch.equal(layer.weight, first)
    assert layer.bias is not None
    assert not layer.bias.any()


@pytest.mark.parametrize("name", ["mlp", "schulz"])
def test_the_mlps_keep_pytorchs_default_initialisation(name):
    G, D = networks(name)
    for layer in [*G.net, *D.net]:
        if isinstance(layer, nn.Linear):
            bound = layer.in_features**-0.5  # uniform in +-1/sqrt(fan in), weights and biases
            assert 0.9 * bound < layer.weight.abs().max() <= bound * (1 + 1e-6)
            assert 0 < layer.bias.abs().max() <= bound * (1 + 1e-6)


@pytest.mark.parametrize("name", NAMES)
def test_networks_are_seeded(name):
    def state(seed):
        torch.manual_seed(seed)
        return [p.detach() for network in small(name) for p in network.parameters()]

    first, again, other = state(1), state(1), state(2)
    assert all(map(torch.equal, first, again))
    assert not any(torch.equal(a, b) for a, b in zip(first, other, strict=True) if a.count_nonzero())


def test_the_strong_discriminator_judges_p1s_generator():
    G, D = networks("dcgan-strong")
    assert isinstance(G, models.DCGANGenerator) and count_parameters(D) == 659_137
    assert not any(isinstance(layer, nn.BatchNorm2d) for layer in D.modules())
    assert D(G(torch.randn(2, 100))).shape == (2,)
