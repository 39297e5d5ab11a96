"""What styles control: counted on small generators whose answers are known beforehand."""

import math
from typing import Any

import pytest
import torch
from torch.nn import functional as F

from gancourse import models
from gancourse.data.churches import procedural_churches
from gancourse.data.images import scale
from gancourse.evaluation import EvaluationError, church_reader, path_length
from gancourse.evaluation.features import Extractor
from gancourse.evaluation.styles import mixing_table, noise_shares, separability, w_of

networks: Any = models.networks


@pytest.fixture
def G(style_generator):
    return style_generator


def bright(x):
    return {"bright": (x.mean((1, 2, 3)) > 0).long(), "red": (x[:, 0].mean((1, 2)) > x[:, 1].mean((1, 2))).long()}


# -- mixing -----------------------------------------------------------------------------------------------------------


def test_all_layers_are_the_donors_picture_and_none_the_sources(G):
    groups = {"all": range(6), "none": (), "some": (0, 1, 2)}
    table = mixing_table(G, bright, groups, n=60, seed=1)
    for factor in ("bright", "red"):
        every, none, some = (table[name][factor] for name in groups)
        assert every.pairs == none.pairs == some.pairs > 5
        assert (every.donor, every.source, none.donor, none.source) == (1, 0, 0, 1)
        assert some.donor + some.source + some.other == pytest.approx(1)
        assert some.interval[0] <= some.donor <= some.interval[1]
        assert none.chance == 0 and 0 < every.chance < 1


def test_a_table_counts_by_hand(G):
    z = torch.randn(2, 40, 12, generator=torch.Generator().manual_seed(3))
    a, b = (w_of(G, part) for part in z)
    with torch.no_grad():
        source, donor = (bright(G.synthesis(w))["bright"] for w in (a, b))
        styles = G.each_layer(a).clone()
        styles[:, 3:] = b[:, None]
        mixed = bright(G.synthesis(styles))["bright"]
        styles[:, 3:] = b.roll(1, 0)[:, None]
        others = bright(G.synthesis(styles))["bright"]
    differ = source != donor
    found = mixing_table(G, bright, {"fine": (3, 4, 5)}, n=40, seed=3)["fine"]["bright"]
    assert found.pairs == differ.sum() and found.donor == pytest.approx((mixed == donor)[differ].double().mean().item())
    assert found.source == pytest.approx((mixed == source)[differ].double().mean().item())
    assert found.chance == pytest.approx((others == donor)[differ].double().mean().item())


def test_where_no_pair_differs_there_is_no_share(G):
    found = mixing_table(G, lambda x: {"same": torch.zeros(len(x), dtype=torch.long)}, {"all": range(6)}, n=5)
    assert found["all"]["same"].pairs == 0 and math.isnan(found["all"]["same"].donor)
    assert found["all"]["same"].interval == (0.0, 1.0)


def test_layers_that_are_not_there_are_refused(G):
    with pytest.raises(ValueError, match="'late' has layer 6, expected 0 to 5"):
        mixing_table(G, bright, {"late": (5, 6)})
    with pytest.raises(ValueError, match="n is 0"):
        mixing_table(G, bright, {"all": range(6)}, n=0)


# -- planes -----------------------------------------------------------------------------------------------------------


def test_what_planes_can_tell_is_told_and_what_they_cannot_is_not():
    x = torch.randn(1500, 6, generator=torch.Generator().manual_seed(0))
    of_a_plane = separability(x, (x[:, 0] + x[:, 1] > 0).long())
    assert of_a_plane.accuracy > 0.97 and of_a_plane.entropy < 0.12
    of_two = separability(x, (x[:, 0] * x[:, 1] > 0).long())  # exclusive or
    assert of_two.accuracy < 0.6 and of_two.entropy == pytest.approx(of_two.ceiling, abs=0.02)
    assert of_two.ceiling == pytest.approx(math.log(2), abs=0.01) and of_two.chance == pytest.approx(0.5, abs=0.05)


def test_there_may_be_more_than_two_values():
    x = torch.randn(1500, 4, generator=torch.Generator().manual_seed(0))
    found = separability(x, x[:, :3].argmax(1))
    assert found.accuracy > 0.95 and found.ceiling == pytest.approx(math.log(3), abs=0.01)
    noise = separability(x, torch.randint(0, 3, (1500,), generator=torch.Generator().manual_seed(1)))
    assert noise.accuracy < 0.42


def test_what_was_fitted_to_does_not_count():
    """A hundred dimensions and two hundred fitted points: chance can be learned by heart, and is no success."""
    x = torch.randn(300, 100, generator=torch.Generator().manual_seed(0))
    noise = torch.randint(0, 2, (300,), generator=torch.Generator().manual_seed(1))
    assert separability(x, noise).accuracy < 0.65


def test_planes_need_not_go_through_the_middle():
    x = torch.randn(1500, 4, generator=torch.Generator().manual_seed(0))
    found = separability(x, (x[:, 0] > 1.2).long())
    assert found.accuracy > 0.97 and found.chance == pytest.approx(0.885, abs=0.03)


def test_stretched_points_are_as_separable():
    x = torch.randn(900, 4, generator=torch.Generator().manual_seed(0))
    values = (x[:, 0] > 0.3).long()
    assert separability(x, values).accuracy == separability(x * torch.tensor([100.0, 1, 0.01, 1]) + 5, values).accuracy


@pytest.mark.parametrize(
    ("n", "values", "said"),
    [(20, 2, "there are 20 points"), (60, 1, "all values are alike"), (60, 0, "60 points and 59")],
)
def test_points_that_tell_nothing_are_refused(n, values, said):
    y = torch.arange(n - (values == 0)) % max(values, 1)
    with pytest.raises(ValueError, match=said):
        separability(torch.randn(n, 3), y)


# -- noise and paths --------------------------------------------------------------------------------------------------


def test_a_noise_input_moves_as_much_as_its_strength(G):
    assert max(part.max() for part in noise_shares(G, n=3, draws=3)) == 0
    G.synthesis.convolutions[2].strength.data.fill_(0.5)
    found = noise_shares(G, n=3, draws=4)
    assert [bool(part.max() > 0) for part in found] == [False, False, True, False, False, True]
    assert found[0].shape == (16, 16)
    G.synthesis.convolutions[2].strength.data.fill_(0.05)
    assert noise_shares(G, n=3, draws=4)[2].mean() < found[2].mean() / 4


def pixels() -> Extractor:
    return Extractor("pixels", 48, lambda x: (F.avg_pool2d(x, 4).flatten(1), x[:, 0, 0, :2]), "0", torch.device("cpu"))


def test_a_path_in_w_is_a_straight_line_there(G):
    z = torch.randn(2, 200, 12, generator=(rng := torch.Generator().manual_seed(0)))
    t = torch.rand(200, generator=rng)[:, None]
    with torch.no_grad():
        a, b = (G.mapping(part) for part in z)
        step = 1e-3
        ends = [F.avg_pool2d(G.synthesis(torch.lerp(a, b, t + d)), 4).flatten(1) for d in (-step, step)]
    speeds = ((ends[1] - ends[0]) / (2 * step)).square().sum(1).sort().values[2:-2]
    found = path_length(G, pixels(), n=200, in_w=True)
    assert found.value == pytest.approx(speeds.mean().item(), rel=0.05)
    assert path_length(G, pixels(), n=200).value != pytest.approx(found.value, rel=0.05)
    with pytest.raises(EvaluationError, match="has no w"):
        path_length(networks("dcgan128", width=2)[0], pixels(), in_w=True)


# -- the reader at 64 pixels ------------------------------------------------------------------------------------------


def test_churches_of_64_pixels_are_read_as_the_half_of_128():
    small = scale(procedural_churches(40, 64, seed=1)[0].pixels)
    reader = church_reader.reader()
    assert torch.allclose(reader.features(small), reader.features(F.interpolate(small, scale_factor=2)), atol=1e-4)
    images, truth = procedural_churches(200, 64, seed=1)
    assert church_reader.accuracy(reader, images, truth)["plan"] > 0.9
