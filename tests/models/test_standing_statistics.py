"""BatchNorm's statistics made anew: those of many z, and nothing else changed."""

from typing import Any

import torch

from gancourse import models
from gancourse.models import standing_statistics


def test_they_are_the_statistics_of_many_z_and_nothing_else_changes():
    torch.manual_seed(0)
    G = models.DCGANGenerator()
    before = {k: v.clone() for k, v in G.state_dict().items()}
    standing_statistics.renewed(G)
    after = G.state_dict()
    assert not G.training and all(m.momentum == 0.1 for m in G.modules() if isinstance(m, torch.nn.BatchNorm2d))
    assert all(torch.equal(after[k], before[k]) for k in before if not k.endswith(standing_statistics.STATISTICS))
    z = torch.randn(4000, 100, generator=torch.Generator().manual_seed(5))
    with torch.no_grad():
        x = G.net[0](z[:, :, None, None])
    assert torch.allclose(after["net.1.running_mean"], x.mean((0, 2, 3)), atol=0.02)
    assert torch.allclose(after["net.1.running_var"], x.var((0, 2, 3)), rtol=0.1)


def test_a_g_that_is_told_classes_gets_them_in_turn_and_z_can_be_cut():
    torch.manual_seed(0)
    G: Any = models.networks("biggan", width=4)[0]
    before, seen = {k: v.clone() for k, v in G.state_dict().items()}, []
    G.shared.register_forward_hook(lambda _, given, out: seen.append(given[0]))
    G.net[0].register_forward_hook(lambda _, given, out: seen.append(given[0]))
    standing_statistics.renewed(G, lambda z: z.clamp(-0.5, 0.5))
    labels, starts = torch.cat(seen[::2]), torch.cat(seen[1::2])
    assert labels.bincount().tolist() == [200] * 10 and starts.abs().max() <= 0.5
    after = G.state_dict()
    kept = [k for k in before if not k.endswith(standing_statistics.STATISTICS)]
    assert len(kept) < len(before) and all(torch.equal(after[k], before[k]) for k in kept)  # u and v of spectral norm
    name = "net.1.norm_1.norm.running_var"
    assert not G.training and not torch.equal(after[name], before[name])
