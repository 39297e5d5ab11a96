"""Lesson 08's listing does what its three diagnoses say, beside the same code with the bug taken out."""

import pytest
import torch
from torch import nn

from gancourse.exercises import lesson08
from gancourse.exercises.checking import pix2pix_listing as hunt


def run(*mended):
    """The names that the listing defines, with some lines replaced: pairs of (old, new)."""
    code = hunt.CODE
    for old, new in mended:
        assert code.count(old) == 1
        code = code.replace(old, new)
    names: dict = {}
    exec(hunt.HEAD + code, names)
    return names


def test_the_listing_is_shown_with_the_lines_that_the_check_counts():
    shown = lesson08.listing().splitlines()
    assert [row[4:].rstrip() for row in shown] == [line.rstrip() for line in hunt.CODE.splitlines()]
    assert {hunt.BUGS[name][0] for name in hunt.CAUSES} == set(lesson08.bug_hunt.reference())
    assert shown[3].startswith(" 4      for c_in, c_out")


def test_its_patches_are_94_pixels_wide_and_not_70():
    layers = [layer for layer in run()["discriminator"]() if isinstance(layer, nn.Conv2d)]
    kernels, strides = ([getattr(layer, name)[0] for layer in layers] for name in ("kernel_size", "stride"))
    assert lesson08.receptive_field.reference(kernels, strides) == 94
    assert lesson08.receptive_field.reference([4] * 5, [2, 2, 2, 1, 1]) == 70


class Painter(nn.Module):
    """Notes the mode that it ran in, while it was trained."""

    def __init__(self):
        super().__init__()
        self.net, self.modes = nn.Sequential(nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3), nn.Dropout(), nn.Tanh()), []

    def forward(self, x):
        if torch.is_grad_enabled():
            self.modes.append(self.training)
        return self.net(x)


@pytest.fixture
def trained():
    """The training for two epochs of one batch: G, and what D was shown, call by call."""

    def go(*mended):
        torch.manual_seed(0)
        G, D, shown = Painter(), nn.Conv2d(6, 1, 1), []
        D.register_forward_pre_hook(lambda _, given: shown.append(given[0].detach()))
        x, y = torch.rand(2, 3, 4, 4), -torch.rand(2, 3, 4, 4)
        pictures = []
        run(*mended)["train"](G, D, [(x, y)], 2, lambda picture, epoch: pictures.append(picture))
        assert len(pictures) == 2
        return G, shown, x, y

    return go


def test_its_fakes_come_with_the_true_picture_in_the_place_of_the_condition(trained):
    _, shown, x, y = trained()
    firsts = [pair[:, :3] for pair in shown]  # real, fake, and the fake once more in G's step
    assert [torch.equal(first, x) for first in firsts] == [True, False, False] * 2
    assert torch.equal(firsts[1], y) and torch.equal(firsts[2], y)
    _, shown, x, _ = trained(("torch.cat([y, fake], 1)", "torch.cat([x, fake], 1)"))
    assert all(torch.equal(pair[:, :3], x) for pair in shown)


def test_its_generator_is_trained_in_eval_mode_from_the_second_epoch_on(trained):
    assert trained()[0].modes == [True, False]
    moved = ("    G.train()\n    for epoch in range(epochs):\n", "    for epoch in range(epochs):\n        G.train()\n")
    assert trained(moved)[0].modes == [True, True]
