"""The networks of lessons 08 and 09: shapes, what is on in which mode, how far they see, and what they refuse."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from gancourse.models import (
    PatchDiscriminator,
    ResNetTranslator,
    ShapeError,
    UNet,
    count_parameters,
    painting,
    receptive_field,
    translators,
)
from gancourse.models.conditional import ConditionalDiscriminator, ConditionalGenerator
from gancourse.models.cyclegan import ResidualBlock

pytestmark = pytest.mark.usefixtures("one_thread")


def test_a_unet_has_the_papers_layers():
    G: Any = UNet()
    assert count_parameters(G) == 1_830_707 and count_parameters(UNet(32)) == 7_315_043
    assert [layer[-1].num_features for layer in G.down if isinstance(layer[-1], nn.BatchNorm2d)] == [32, 64, 128, 128]
    assert [any(isinstance(part, nn.Dropout) for part in layer) for layer in G.up] == [True] * 3 + [False] * 3
    assert G(torch.zeros(2, 3, 64, 64)).shape == (2, 3, 64, 64)
    assert UNet(4, 16)(torch.zeros(1, 3, 16, 16)).abs().max() <= 1  # one pixel, one picture: no BatchNorm there


def test_every_skip_carries_something():
    """What a halving gave reaches the output on two ways; cut one, and the picture changes."""
    torch.manual_seed(0)
    G: Any = UNet(4, 16).eval()
    x = torch.rand(1, 3, 16, 16) * 2 - 1
    with torch.no_grad():
        whole = G(x)
        for i, layer in enumerate(G.up[1:], start=1):
            weight = next(layer.parameters())
            kept = weight.clone()
            weight[kept.shape[0] // 2 :] = 0  # the rows of the skip
            assert not torch.equal(G(x), whole), i
            weight.copy_(kept)
        assert torch.equal(G(x), whole)


@pytest.mark.parametrize("size", [8, 48, 0])
def test_other_sizes_are_refused(size):
    with pytest.raises(ValueError, match=f"size is {size}, expected a power of two"):
        UNet(4, size)


def test_shapes_that_do_not_fit_are_named():
    with pytest.raises(ShapeError, match=r"\(1, 3, 32, 32\), expected \(B, 3, 64, 64\)"):
        UNet(4)(torch.zeros(1, 3, 32, 32))
    with pytest.raises(ShapeError, match="multiples of 4"):
        ResNetTranslator(4)(torch.zeros(1, 3, 30, 32))
    with pytest.raises(ShapeError, match=r"expected \(B, 6, H, W\)"):
        PatchDiscriminator()(torch.zeros(1, 3, 64, 64))
    with pytest.raises(ValueError, match="norm is 'layer'"):
        PatchDiscriminator(norm="layer")
    with pytest.raises(ValueError, match="halvings is 0"):
        PatchDiscriminator(halvings=0)


def test_painting_keeps_dropout_and_nothing_else():
    torch.manual_seed(0)
    G = UNet(4, 16).train()
    G.down[1].eval()  # a part with a mode of its own
    x = torch.rand(2, 3, 16, 16)
    before, modes = {k: v.clone() for k, v in G.state_dict().items()}, [m.training for m in G.modules()]
    with torch.no_grad(), painting(G):
        assert not torch.equal(G(x), G(x))
        alone = torch.cat([G(part) for part in x.split(1)])
        assert alone.shape == x.shape
    assert all(torch.equal(v, before[k]) for k, v in G.state_dict().items())
    assert [m.training for m in G.modules()] == modes


@pytest.mark.parametrize(("halvings", "pixels"), [(1, 16), (2, 34), (3, 70), (4, 142)])
def test_the_receptive_field_is_what_the_gradient_counts(halvings, pixels):
    assert receptive_field(halvings) == pixels
    D = PatchDiscriminator(3, 2, halvings).eval()
    x = torch.randn(1, 3, 192, 192, requires_grad=True)
    logits = D(x)
    logits[0, 0, logits.shape[2] // 2, logits.shape[3] // 2].backward()
    assert x.grad is not None
    rows = x.grad.abs().sum((0, 1, 3)).nonzero().flatten()
    assert int(rows[-1] - rows[0]) + 1 == pixels


def test_cyclegans_generator_keeps_the_size_and_has_no_affine_norm():
    G = ResNetTranslator()
    assert count_parameters(G) == 346_371
    assert G(torch.zeros(1, 3, 24, 64)).shape == (1, 3, 24, 64)
    assert all(not part.affine for part in G.modules() if isinstance(part, nn.InstanceNorm2d))
    assert {tuple(part.padding) for part in G.modules() if isinstance(part, nn.ReflectionPad2d)} == {(3,) * 4, (1,) * 4}
    assert ResNetTranslator(4, channels=1)(torch.zeros(1, 1, 16, 16)).shape == (1, 1, 16, 16)
    block, x = ResidualBlock(4), torch.randn(1, 4, 8, 8)
    for part in block.modules():
        if isinstance(part, nn.Conv2d):
            for parameter in part.parameters():
                nn.init.zeros_(parameter)
    assert torch.equal(block(x), x)


def test_translators_are_made_by_name():
    torch.manual_seed(0)
    four = translators("cyclegan", 4)
    assert list(four) == ["G_ab", "G_ba", "D_a", "D_b"]
    assert not torch.equal(next(four["G_ab"].parameters()), next(four["G_ba"].parameters()))
    two = translators("pix2pix", 4, conditional=0)
    assert isinstance(two["D"], PatchDiscriminator) and two["D"].channels == 3
    weights = torch.cat([p.flatten() for n, p in two["G"].named_parameters() if n.endswith("up.1.1.weight")])
    assert weights.numel() == 0 or 0.015 < weights.std() < 0.025
    with pytest.raises(ValueError, match="'unet', expected one of pix2pix, cyclegan"):
        translators("unet")


def test_a_class_is_told_to_g_and_to_d_or_to_g_alone():
    torch.manual_seed(0)
    G, z = ConditionalGenerator(), torch.randn(2, 100)
    one, other = torch.tensor([3, 3]), torch.tensor([3, 4])
    x = G(z, one)
    assert x.shape == (2, 1, 28, 28)
    assert torch.equal(x[0], G(z, other)[0]) and not torch.equal(x[1], G(z, other)[1])
    D, blind = ConditionalDiscriminator(), ConditionalDiscriminator(told=False)
    assert not torch.equal(D(x, one), D(x, other)) and torch.equal(blind(x, one), blind(x, other))


@pytest.mark.parametrize(
    "y",
    [
        torch.tensor([10, 0]),
        torch.tensor([0]),
        torch.tensor([0.0, 1.0]),
        torch.tensor([-1, 0]),
        torch.tensor([0, 1], dtype=torch.int32),
        torch.tensor([True, False]),
    ],
)
def test_labels_that_are_none_are_named(y):
    with pytest.raises(ShapeError, match=r"labels have shape.*y\.long\(\)"):
        ConditionalGenerator()(torch.randn(2, 100), y)
    with pytest.raises(ShapeError, match="labels have shape"):
        ConditionalDiscriminator(told=False)(torch.zeros(2, 1, 28, 28), y)
