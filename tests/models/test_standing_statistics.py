"""BatchNorm's statistics made anew: those of many z, and nothing else changed."""

import torch

from gancourse import models
from gancourse.models import standing_statistics


def test_they_are_the_statistics_of_many_z_and_nothing_else_changes():
    torch.manual_seed(0)
    G = models.DCGANGenerator()
    before = {k: v.clone() for k, v in G.state_dict().items()}
    standing_statistics.renew(G)
    after = G.state_dict()
    assert not G.training and all(m.momentum == 0.1 for m in G.modules() if isinstance(m, torch.nn.BatchNorm2d))
    assert all(torch.equal(after[k], before[k]) for k in before if not k.endswith(standing_statistics.STATISTICS))
    z = torch.randn(4000, 100, generator=torch.Generator().manual_seed(5))
    with torch.no_grad():
        x = G.net[0](z[:, :, None, None])
    assert torch.allclose(after["net.1.running_mean"], x.mean((0, 2, 3)), atol=0.02)
    assert torch.allclose(after["net.1.running_var"], x.var((0, 2, 3)), rtol=0.1)
