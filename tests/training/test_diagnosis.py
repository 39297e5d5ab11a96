"""The diagnosis measures what it says, on networks whose answer is known."""

import pytest
import torch
from torch import nn

from gancourse import models
from gancourse.training import diagnosis


class TwoUnits(nn.Module):
    """The first unit is awake for positive x alone, the second for none: half, or all, are silent."""

    def __init__(self, activation):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(1, 2), activation, nn.Linear(2, 1))
        self.net[0].weight.data = torch.tensor([[1.0], [0.0]])
        self.net[0].bias.data = torch.tensor([0.0, -1.0])

    def forward(self, x):
        return self.net(x)


@pytest.mark.parametrize("activation", [nn.ReLU(), nn.LeakyReLU(0.2)], ids=str)
def test_silent_units_are_those_that_no_input_wakes(activation):
    network = TwoUnits(activation)
    assert diagnosis.silent_units(network, torch.tensor([[-1.0], [2.0]])) == 0.5
    assert diagnosis.silent_units(network, torch.tensor([[-1.0], [-2.0]])) == 1.0
    assert not any(layer._forward_pre_hooks for layer in network.modules())


def test_a_channel_is_awake_if_it_is_so_anywhere():
    network = nn.Sequential(nn.Identity(), nn.ReLU())
    x = -torch.ones(3, 4, 5, 5)
    x[1, 2, 0, 0] = 1.0
    assert diagnosis.silent_units(network, x) == 0.75


def test_networks_without_hidden_units_are_refused():
    with pytest.raises(ValueError, match="Linear has no ReLU"):
        diagnosis.silent_units(nn.Linear(2, 2), torch.zeros(1, 2))


class Plane(nn.Module):
    """D's logit is offset + slope * the first pixel."""

    def __init__(self, slope, offset):
        super().__init__()
        self.slope, self.offset = slope, offset

    def forward(self, x):
        return self.offset + self.slope * x.flatten(1)[:, 0]


def test_gradient_at_the_output_is_one_minus_d_times_the_slope():
    G = models.MLPGenerator()
    z = torch.randn(5, 100)
    assert diagnosis.gradient_at_output(G, Plane(3.0, -50.0), z) == pytest.approx(3.0, rel=1e-5)  # D(G(z)) = 0
    assert diagnosis.gradient_at_output(G, Plane(3.0, 50.0), z) < 1e-6  # D(G(z)) = 1
    assert all(p.grad is None for p in G.parameters())


def test_spread_of_equal_images_is_zero():
    x = torch.rand(1, 1, 28, 28)
    assert diagnosis.spread(x.repeat(4, 1, 1, 1)) == 0
    assert diagnosis.spread(torch.tensor([0.0, 3.0]).view(2, 1, 1, 1)) == 3


def test_diagnose_leaves_the_networks_as_they_were():
    torch.manual_seed(0)
    G, D = models.networks("dcgan")
    before = {k: v.clone() for k, v in G.state_dict().items()}
    G.train()
    D.eval()
    found = diagnosis.diagnose(G, D, torch.rand(20, 1, 28, 28) * 2 - 1, torch.randn(20, 100))
    assert set(found) == {"logit_real", "logit_fake", "grad_at_output", "silent_g", "silent_d", "spread"}
    assert G.training and all(m.training for m in G.modules()) and not any(m.training for m in D.modules())
    assert all(torch.equal(v, before[k]) for k, v in G.state_dict().items())
