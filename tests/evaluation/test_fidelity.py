"""How near enlargements are: by hand, in parts, and with a network as it was before."""

from __future__ import annotations

import pytest
import torch

from gancourse.data.degraded import enlarge_bicubic, shrink
from gancourse.evaluation.enlarging import fidelity
from gancourse.evaluation.translation import psnr, ssim
from gancourse.models import SRResNet

pytestmark = pytest.mark.usefixtures("one_thread")


def test_it_is_the_mean_over_all_pictures_of_what_is_made_of_the_small_ones():
    hr = torch.rand(7, 3, 32, 32, generator=torch.Generator().manual_seed(0)) * 2 - 1
    for how in ("area", "antialias"):
        made = enlarge_bicubic(shrink(hr, 4, how))
        found = fidelity(enlarge_bicubic, hr, how=how)
        assert found == pytest.approx({"psnr": psnr(made, hr).mean().item(), "ssim": ssim(made, hr).mean().item()})


def test_a_network_is_in_eval_mode_meanwhile():
    torch.manual_seed(0)
    G = SRResNet(4, 1, scale=2)
    statistics = G.state_dict()["body.0.net.1.running_mean"].clone()
    found = fidelity(G, torch.zeros(2, 3, 24, 24), scale=2)
    assert G.training and torch.equal(G.state_dict()["body.0.net.1.running_mean"], statistics)
    assert found == fidelity(G.eval(), torch.zeros(2, 3, 24, 24), scale=2)
