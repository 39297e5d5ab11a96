"""P4's generator and a D that are told a church's factors: what z chooses, what D hears, what is refused."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from gancourse.data import DataError, Images
from gancourse.data.churches import FACTORS, procedural_churches
from gancourse.data.churches.classes import churches_with_factors
from gancourse.data.degraded import shrunk
from gancourse.data.pairs import LabelledImages
from gancourse.models import ShapeError, networks
from gancourse.models.dcgan import DCGAN128Discriminator, DCGAN128Generator
from gancourse.models.factors import SIZES, TOLD, FactorDiscriminator, FactorGenerator
from gancourse.models.fast import Network

pytestmark = pytest.mark.usefixtures("one_thread")


def pair(size: int = 16) -> Any:
    torch.manual_seed(0)
    return networks("dcgan128-factors", width=8, width_d=8, size=size)


def codes(n: int) -> torch.Tensor:
    rng = torch.Generator().manual_seed(1)
    return torch.stack([torch.randint(size, (n,), generator=rng) for size in SIZES], 1)


def test_its_layers_are_p4s():
    assert str(FactorGenerator(width=8).net) == str(DCGAN128Generator(width=8).net)
    D: Any = FactorDiscriminator(width_d=8)
    p4s: Any = DCGAN128Discriminator(width=8)
    assert str(D.net[:-2]) == str(p4s.net[:-2]) and D.net[-2].weight.shape[1:] == p4s.net[-2].weight.shape[1:]
    small = FactorDiscriminator(width_d=8, size=16)
    assert str(list(small.net)[1:-2]) == str(list(D.net)[10:-2])  # from 16 pixels on, but for what sees the colours


def test_each_value_of_a_factor_is_equally_probable_and_takes_little_of_z():
    G, _ = pair()
    z = torch.randn(20_000, 100, generator=torch.Generator().manual_seed(0))
    code, placed = G.code(z), G.place(z)
    for i, size in enumerate(SIZES):
        shares = code[:, i].bincount(minlength=size) / len(z)
        assert (shares - 1 / size).abs().max() < 0.015
    assert torch.equal(placed[:, TOLD:], z[:, TOLD:])
    assert placed[:, :TOLD].mean(0).abs().max() < 0.05  # as z has it
    assert (placed[:, :TOLD].var(0) - 1).abs().max() < 0.25
    start = 0
    for i, size in enumerate(SIZES):  # what the first layer sees is the choice, nearly always
        part = placed[:, start : start + size]
        assert torch.equal(part.argmax(1), code[:, i])
        start += size
    assert start == TOLD == 41


def test_images_are_a_continuous_function_of_z():
    G, _ = pair()
    G.eval()
    a, b = torch.randn(2, 100, generator=torch.Generator().manual_seed(2))
    steps = {}
    for n in (400, 800):
        t = torch.linspace(0, 1, n)[:, None]
        steps[n] = (G((1 - t) * a + t * b)).diff(dim=0).flatten(1).norm(dim=1).max()
    assert steps[800] < 0.6 * steps[400]  # a jump would stay as it is


def test_d_adds_a_term_for_each_factor_and_begins_without():
    _, D = pair()
    x, code = torch.rand(5, 3, 16, 16) * 2 - 1, codes(5)
    other = (code + 1) % torch.tensor(SIZES)
    with torch.no_grad():
        assert torch.equal(D(x, code), D(x, other))
        torch.nn.init.normal_(D.net[-2].weight)
        torch.nn.init.normal_(D.net[-2].bias)
        outputs = D._outputs(x).flatten(1)
        by_hand = outputs[:, 0].clone()
        for row in range(5):
            start = 1
            for i, size in enumerate(SIZES):
                by_hand[row] += outputs[row, start + code[row, i]]
                start += size
        assert torch.allclose(D(x, code), by_hand, atol=1e-5)
        assert torch.allclose(Network(D)(x, code), by_hand, atol=1e-4)
        for i in range(len(SIZES)):  # it hears every one of them
            changed = code.clone()
            changed[:, i] = other[:, i]
            assert (D(x, changed) - by_hand).abs().min() > 1e-4


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (None, r"was told no factors: D\(x, code\) with code \(2, 10\) int64"),
        (codes(3), r"factors have shape \(3, 10\), torch.int64; expected \(2, 10\), torch.int64"),
        (codes(2)[:, :9], r"shape \(2, 9\)"),
        (codes(2).int(), "torch.int32"),
        (codes(2) + 5, r"plan goes from \d to \d; expected 0 to 4"),
        (-1 - codes(2), r"plan goes from -\d to -1; expected 0 to 4"),
    ],
)
def test_d_refuses_other_factors(code, said):
    with pytest.raises(ShapeError, match=said):
        pair()[1](torch.zeros(2, 3, 16, 16), code)


def test_churches_come_with_their_factors_and_keep_them_when_they_are_shrunk():
    data = churches_with_factors(6, 64, 3)
    images, factors = procedural_churches(6, 64, 3)
    assert torch.equal(data.images.pixels, images.pixels)
    assert data.images.labels is not None and data.images.labels.dtype == torch.int64
    for i, name in enumerate(FACTORS):
        assert torch.equal(data.images.labels[:, i], factors[name])
    small = shrunk(data, 16)
    assert isinstance(small, LabelledImages) and small.images.shape == (3, 16, 16)
    assert small.images.labels is data.images.labels
    plain = shrunk(images, 16)
    assert isinstance(plain, Images) and torch.equal(plain.pixels, small.images.pixels) and plain.labels is None
    with pytest.raises(DataError, match="n is 0"):
        churches_with_factors(0)
