"""P4's generator grows: its pictures stay, its layers become P4's; what cannot grow is refused."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch.nn import functional as F

from gancourse.models import networks
from gancourse.models.dcgan import GROWN_SIZES, DCGAN128Generator, GrowingDCGANGenerator
from gancourse.models.growing import fade_in, fading, grown
from gancourse.models.standing_statistics import renewed

pytestmark = pytest.mark.usefixtures("one_thread")


def small(size: int = 16, width: int = 8) -> Any:
    """A pair whose pictures are not nearly grey."""
    G, D = networks("dcgan128-grown", width=width, width_d=8, size=size)
    with torch.no_grad():
        list[Any](G.net)[-2].weight.mul_(3)
    renewed(G)
    return G, D


def test_at_128_pixels_it_is_p4s_layer_for_layer():
    grown_up, p4 = GrowingDCGANGenerator(width=8), DCGAN128Generator(width=8)
    assert str(grown_up.net) == str(p4.net)
    grown_up.load_state_dict(p4.state_dict())
    z = torch.randn(2, 100)
    assert torch.equal(grown_up.eval()(z), p4.eval()(z))


@pytest.mark.parametrize("size", GROWN_SIZES[:-1])
def test_a_grown_one_makes_the_same_pictures_enlarged(size):
    G, D = small(size)
    larger, judge = grown(G, D)
    z = torch.randn(6, 100)
    with torch.no_grad():
        before, after = G.net[:-1](G.enter(z)), larger.eval().net[:-1](larger.enter(z))  # before tanh
        enlarged = F.interpolate(before, scale_factor=2, mode="bilinear", align_corners=False)
        inside = (slice(None), slice(None), slice(2, -2), slice(2, -2))  # at the edge a convolution sees zeros
        assert torch.allclose(after[inside], enlarged[inside], atol=1e-5) and before.abs().mean() > 0.05
        z = torch.randn(64, 100)
        off = larger.train()(z) - torch.tanh(F.interpolate(G.net[:-1](G.enter(z)), scale_factor=2, mode="bilinear"))
        assert off[inside].abs().mean() < 0.05 < G(z).std()  # a batch's own statistics are near enough
        x = torch.randn(4, 3, 2 * size, 2 * size)
        assert torch.allclose(judge(x), D(F.avg_pool2d(x, 2)), atol=1e-5)
    assert larger.image_shape == judge.image_shape == (3, 2 * size, 2 * size)
    assert larger.options == {"width": 8, "size": 2 * size} and judge.options["fading"] == 1
    assert type(judge) is type(D) and judge.options["width_d"] == 8


def test_all_new_channels_learn_from_the_first_step_or_the_second():
    larger, _ = grown(*small())
    z = torch.randn(8, 100)
    target = torch.randn(8, 3, 32, 32)
    made, last = (list[Any](larger.net)[i] for i in (-5, -2))
    optimiser = torch.optim.SGD(larger.parameters(), lr=1.0)
    (larger(z) - target).square().mean().backward()
    assert all(last.weight.grad[i].abs().max() > 0 for i in range(len(last.weight)))
    optimiser.step()
    optimiser.zero_grad()
    (larger(z) - target).square().mean().backward()
    assert all(made.weight.grad[:, i].abs().max() > 0 for i in range(made.out_channels))


def test_the_small_networks_stay_as_they_are():
    G, D = small()
    before = {name: value.clone() for name, value in G.state_dict().items()}
    larger, _ = grown(G, D)
    with torch.no_grad():
        for p in larger.parameters():
            p.zero_()
    assert all(torch.equal(value, before[name]) for name, value in G.state_dict().items())


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (lambda: GrowingDCGANGenerator(width=8, size=48), "size is 48, expected one of 16, 32, 64, 128"),
        (lambda: grown(*small(64, width=4)), "width is 4; six channels have to carry the colours: choose 6 or more"),
        (lambda: grown(*small(128)), "size is 256, expected one of 16, 32, 64, 128"),
        (
            lambda: grown(networks("dcgan64", width=8)[0], networks("stylegan", width=8)[1]),  # type: ignore[arg-type]
            "G is a DCGAN64Generator, which does not grow",
        ),
        (
            lambda: grown(*networks("dcgan128-factors", width=8, width_d=8, size=16)),  # type: ignore[arg-type]
            "D is a FactorDiscriminator, which does not grow",
        ),
    ],
)
def test_what_cannot_grow_is_refused(made, said):
    with pytest.raises(ValueError, match=said):
        made()


def test_fading_in_goes_by_the_images_shown():
    _, judge = grown(*small())
    for shown, over, share in ((0, 100, 0.0), (25, 100, 0.25), (300, 100, 1.0), (0, 0, 1.0)):
        fade_in(judge, shown, over)
        assert fading(judge)[0].share.item() == pytest.approx(share)
