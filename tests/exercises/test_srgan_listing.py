"""Lesson 10's listing runs, and each of its four bugs does what its repair says, beside the same code without it."""

import pytest
import torch
from torch import nn

from gancourse.exercises import lesson10
from gancourse.exercises.checking.imagenet import normalised


class Features(nn.Module):
    """Pictures -> two maps; BatchNorm in it. Notes what it was shown, and whether its maps kept a graph."""

    def __init__(self):
        super().__init__()
        self.first, self.norm, self.second = nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Conv2d(4, 4, 3, 2)
        self.shown, self.graphs = [], []

    def forward(self, x):
        first = self.norm(self.first(x))
        second = self.second(first.relu())
        self.shown.append(x.detach())
        self.graphs.append(second.requires_grad)
        return first, second


@pytest.fixture
def scene():
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(3, 48, 3, padding=1), nn.PixelShuffle(4))
    D = nn.Sequential(nn.Conv2d(3, 1, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(0))
    low, true = (torch.randint(256, (2, 3, side, side), dtype=torch.uint8) for side in (4, 16))
    return net, D, Features(), low, true


def published():
    names: dict = {}
    exec(lesson10.published_srgan(), names)
    return names


def test_it_runs_and_moves_g_alone(scene):
    net, D, features, low, true = scene
    opt_g = torch.optim.SGD(net.parameters(), lr=0.1)
    before = [[p.clone() for p in part.parameters()] for part in (net, D, features)]
    losses = [published()["generator_step"](*scene[:3], opt_g, low, true) for _ in range(20)]
    assert losses[-1] < losses[0]
    same = [
        all(torch.equal(p, q) for p, q in zip(part.parameters(), old, strict=True))
        for part, old in zip((net, D, features), before, strict=True)
    ]
    assert same == [False, True, True]


def test_no_tanh_reaches_its_black_or_its_white(scene):
    _, D, features, low, _ = scene
    names = published()
    ends = normalised(torch.tensor([-1.0, 1.0]).view(2, 1, 1, 1).expand(2, 3, 1, 1))
    assert (round(float(ends.min()), 2), round(float(ends.max()), 2)) == (-2.12, 2.64)
    for levels, best in ((255, 10.0), (0, -10.0)):  # raw numbers that make a tanh of 1 or -1 everywhere

        def painted(x, best=best):
            return torch.full((2, 3, 16, 16), best)

        true = torch.full((2, 3, 16, 16), levels, dtype=torch.uint8)
        assert names["g_loss"](painted, D, features, low, true) > 0.5
        assert lesson10.bug_hunt.reference(painted, D, features, low, true) < 0.01


def test_its_features_see_two_ranges_in_train_mode_and_keep_the_truths_graph(scene):
    net, _, features, low, true = scene
    fake, truth = net(low / 255).tanh(), true / 127.5 - 1
    statistics = features.norm.running_mean.clone()
    published()["g_loss"](*scene)
    assert torch.allclose(features.shown[0], fake, atol=1e-6)
    assert torch.allclose(features.shown[1], normalised(truth), atol=1e-5)
    assert features.graphs == [True, True]
    assert not torch.equal(features.norm.running_mean, statistics)

    features.shown.clear()
    features.graphs.clear()
    statistics = features.norm.running_mean.clone()
    lesson10.bug_hunt.reference(*scene)
    assert torch.allclose(features.shown[0], normalised(truth), atol=1e-5)
    assert torch.allclose(features.shown[1], normalised(fake), atol=1e-5)
    assert features.graphs == [False, True]
    assert torch.equal(features.norm.running_mean, statistics)
