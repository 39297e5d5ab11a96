"""The bug hunt of lesson 09: one round of CycleGAN with nine marked lines, four of them wrong, and the diagnoses.

The listing runs as it stands; `tests/exercises/test_cycle_listing.py` runs it and shows that each wrong line does what
its diagnosis says, and each other what it should.
"""

from __future__ import annotations

from typing import Any

from gancourse.exercises.checking.engine import Wrong
from gancourse.exercises.checking.judging import choices

LISTING = '''\
import torch
from torch import nn


def ending(width, channels):
    """The last layers of both translators: features (B, width, H, W) -> pictures (B, channels, H, W)."""
    return nn.Sequential(
        nn.ReflectionPad2d(3),  # A
        nn.Conv2d(width, channels, 7),
        nn.InstanceNorm2d(channels),  # B
        nn.Tanh(),
    )


def optimisers(G_ab, G_ba, D_a, D_b):
    opt_g = torch.optim.Adam([*G_ab.parameters(), *G_ba.parameters()], lr=2e-4, betas=(0.5, 0.999))  # C
    opt_d = torch.optim.Adam([*D_a.parameters(), *D_b.parameters()], lr=2e-4, betas=(0.5, 0.999))
    return opt_g, opt_d


def l1(x, y):
    return (x - y).abs().mean()


def one_round(G_ab, G_ba, D_a, D_b, opt_g, opt_d, a, b):
    """One step of both discriminators, then one of both translators: least squares, lambda = 10."""
    opt_g.zero_grad()
    opt_d.zero_grad()
    fake_b, fake_a = G_ab(a), G_ba(b)
    for D, real, fake in ((D_a, a, fake_a), (D_b, b, fake_b)):
        on_real, on_fake = D(real), D(fake)  # D
        loss_d = (((on_real - 1) ** 2).mean() + (on_fake**2).mean()) / 2  # E
        loss_d.backward(retain_graph=True)
    opt_d.step()
    adversarial = ((D_b(fake_b) - 1) ** 2).mean() + ((D_a(fake_a) - 1) ** 2).mean()  # F
    cycle = l1(G_ba(fake_b), a) + l1(G_ab(fake_a), b)  # G
    identity = l1(G_ab(a), a) + l1(G_ba(b), b)  # H
    (adversarial + 10 * cycle + 0.1 * identity).backward()  # I
    opt_g.step()
'''

CHOICES = (
    "pad is not the kernel's",
    "norm before tanh",
    "a network never moves",
    "D's step reaches G",
    "loss must not be halved",
    "target swapped",
    "fakes must be detached",
    "translators swapped",
    "weight too small",
    "healthy",
)
DIAGNOSES = {
    "A": "healthy",
    "B": "norm before tanh",
    "C": "healthy",
    "D": "D's step reaches G",
    "E": "healthy",
    "F": "healthy",
    "G": "healthy",
    "H": "translators swapped",
    "I": "weight too small",
}
EVIDENCE = {
    "A": "how many pixels does a 7 x 7 convolution take on each side? Does that depend on the channels?",
    "B": "give it features ten times as large, or with another mean: does the picture become brighter or darker?",
    "C": "count the weights of both translators, and those that the optimiser holds",
    "D": "look at the translators' gradients after the loop, before their own loss is there: who put them there, and "
    "who takes them out again?",
    "E": "what does a factor of a half change, and what does the paper say of D's rate?",
    "F": "which number does a translator want for its fakes, and which D judges which side?",
    "G": "follow a: to which side is it taken, and by whom is it taken back? Who has to learn from the error?",
    "H": "which of the two translators is shown a picture that is on its side already?",
    "I": "the paper's weight of this term is .5 lambda: how much is that here?",
}
CAUSES = {
    "A": "nothing: a 7 x 7 convolution takes 3 pixels on each side. (PyTorch-GAN pads by the number of channels, which "
    "is 3 as well, for colour pictures)",
    "B": "normalised before tanh, every channel of every picture has the same mean and contrast: no dusk can be darker "
    "than the day (chainer-cyclegan PR #2)",
    "C": "nothing: one optimiser holds both translators",
    "D": "the fakes are not detached. So D's loss leaves gradients in both translators, which are zeroed at the top of "
    "the round alone: their step also helps D. `retain_graph=True` has silenced the error that would have said so",
    "E": "nothing: the paper halves D's loss, so that D learns at half the rate of the translators",
    "F": "nothing: the translators want 1 for their fakes",
    "G": "nothing: first there, then back, and both of them learn from it",
    "H": "G_ab is asked to leave a as it is, the one thing that it is to change: it should be shown b "
    "(fastai/course-v3 PR #449)",
    "I": "the weight of the identity is .5 lambda = 5: 0.1 is what a well-known course has",
}


def check_cycle_hunt(answer: Any) -> str:
    """The check of `lesson09.bug_hunt`: marked line -> diagnosis; right answers are told where it was published."""
    given = choices(answer, "Line", DIAGNOSES, CHOICES)
    for line, right in DIAGNOSES.items():
        if (word := given[line]) != right:
            raise Wrong(f"Line {line} is not a case of `{word}`: {EVIDENCE[line]}")
    return "What is wrong in it:\n" + "\n".join(f"{line}: {cause}." for line, cause in CAUSES.items())
