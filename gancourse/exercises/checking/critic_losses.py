"""Checks of what critics minimise in lesson 07: hinge, and the relativistic pairing with R1 and R2."""

from __future__ import annotations

import torch
from torch.nn import functional as F

from gancourse.exercises.checking.engine import StudentFunction, Wrong
from gancourse.exercises.checking.gradient_penalty import (
    SmoothCritic,
    check_apart,
    check_graph,
    judge_value,
    one_number,
    pairs,
    slopes,
)
from gancourse.exercises.checking.judging import close
from gancourse.exercises.checking.relations import one_term

# --- hinge -----------------------------------------------------------------------------------------------------------


def check_hinge(call: StudentFunction) -> str:
    """The check of `lesson07.hinge_loss`: hinge_loss(real_scores, fake_scores), (B,) each."""
    cases = [
        (2 * torch.randn(40) + 1.5, 2 * torch.randn(40) - 1.5),
        (torch.tensor([1.5, 3.0]), torch.tensor([-2.0, -1.25])),
    ]
    for real, fake in cases:
        mine, ours = ([item.clone().requires_grad_() for item in (real, fake)] for _ in range(2))
        value = one_number(call(*mine))
        on_real, on_fake = (1 - ours[0]).relu(), (1 + ours[1]).relu()
        right = on_real.mean() + on_fake.mean()
        mistakes = [
            (
                (1 + real).relu().mean() + (1 - fake).relu().mean(),
                "Real and fake are exchanged: D pays for a real image that scores below 1.",
            ),
            (right / 2, "This is half of it: the two means are added."),
            (on_real.sum() + on_fake.sum(), "You sum over the batch: take the mean."),
            (on_real.mean(), "Only the real half is there."),
            (on_fake.mean(), "Only the fake half is there."),
            (2 - real.mean() + fake.mean(), "Nothing is cut off: where a score is past its margin, D pays 0."),
            (fake.mean() - real.mean(), "This is WGAN's loss: hinge has the margins 1 and -1, and 0 beyond them."),
            (
                (-real).relu().mean() + fake.relu().mean(),
                "The margin is 0: D shall keep a distance of 1 on either side.",
            ),
            (on_real.mean() - on_fake.mean(), "The halves are subtracted: both are what D pays, so they are added."),
            (-right, "The sign is turned: D minimises what it pays."),
            (
                (1 - real.mean()).relu() + (1 + fake.mean()).relu(),
                "The mean comes before the cut: then images past the margin pay for the others.",
            ),
            (
                (1 - real.sigmoid()).relu().mean() + (1 + fake.sigmoid()).relu().mean(),
                "The scores went through a sigmoid: hinge takes them as they are.",
            ),
            (
                (1 - real + fake).relu().mean(),
                "Pairs are compared: here each half has a margin of its own, and the halves are added.",
            ),
            *one_term(
                {"real half": on_real, "fake half": on_fake},
                {
                    "real half": [
                        ((1 + real).relu().mean(), "The real half has the wrong sign inside: it is relu(1 - score)."),
                        (real.relu().mean(), "The real half is relu of the score: it is relu(1 - score)."),
                        ((real - 1).relu().mean(), "The real half has the wrong sign inside: it is relu(1 - score)."),
                        ((1 - real).mean(), "The real half is not cut off: past its margin an image costs 0."),
                        ((-real).relu().mean(), "The real half's margin is 0: it is relu(1 - score)."),
                    ],
                    "fake half": [
                        ((1 - fake).relu().mean(), "The fake half has the wrong sign inside: it is relu(1 + score)."),
                        ((1 + fake).mean(), "The fake half is not cut off: past its margin an image costs 0."),
                        (fake.relu().mean(), "The fake half's margin is 0: it is relu(1 + score)."),
                    ],
                },
            ),
            (on_real.square().mean() + on_fake.square().mean(), "What is missing to the margin is squared: it is not."),
            (F.softplus(-real).mean() + F.softplus(fake).mean(), "This is Goodfellow's loss: hinge has corners."),
        ]
        judge_value(
            value, right, mistakes, "two batches of random scores" if len(real) > 2 else "scores past the margin"
        )
        if not value.requires_grad:
            raise Wrong("The value is right, but has no gradient: look for a `.detach()`, `.item()` or `no_grad`.")
        found = torch.autograd.grad(value, mine, allow_unused=True)
        for name, a, b in zip(("real", "fake"), found, torch.autograd.grad(right, ours), strict=True):
            if a is None or not close(a, b):
                raise Wrong(f"The value is right, its gradient for the {name} scores is not: is something detached?")
    return "Past its margin an image teaches D nothing more: D works on those that it is not sure of."


# --- relativistic pairing with R1 and R2 -----------------------------------------------------------------------------


def check_relativistic(call: StudentFunction) -> str:
    """The check of `lesson07.relativistic_loss`: relativistic_loss(D, x_real, x_fake, gamma), what D minimises."""
    for gamma in (0.0, 0.5, 2.0):
        D = SmoothCritic()
        x_real, x_fake, source = pairs(8)
        value = one_number(call(D, x_real.clone(), x_fake + source, gamma))
        s, r = D(x_real), D(x_fake)
        r1, r2 = (slopes(D, x).flatten(1).square().sum(1).mean() for x in (x_real, x_fake))
        pairing = F.softplus(-(s - r)).mean()
        right = pairing + gamma / 2 * (r1 + r2)
        rest = right - pairing
        g1, g2 = slopes(D, x_real), slopes(D, x_fake)
        mistakes = [
            (F.softplus(s - r).mean() + rest, "Real and fake are exchanged: D wants real images to score higher."),
            (
                F.softplus(-s).mean() + F.softplus(r).mean() + rest,
                "This is Goodfellow's loss: compare pairs, s(x) - s(G(z)).",
            ),
            (F.softplus(-(s.mean() - r.mean())) + rest, "The means are compared: softplus comes first, pair by pair."),
            (
                F.softplus(r - s[:, None]).mean() + rest,
                "Every image is compared with every fake: take them pair by pair.",
            ),
            (F.softplus(r + s).mean() + rest, "The scores are added: compare them, s(x) - s(G(z))."),
            (F.softplus(r).mean() + rest, "Only the fake's score is there: compare the pair, s(x) - s(G(z))."),
            (F.softplus(-s).mean() + rest, "Only the real image's score is there: compare the pair, s(x) - s(G(z))."),
            ((r - s).sigmoid().mean() + rest, "The logarithm is missing: softplus(-t) is -log sigmoid(t)."),
            (r.mean() - s.mean() + rest, "This is WGAN's loss: softplus is missing."),
            (8 * pairing + rest, "You sum over the batch: take the mean."),
        ]
        if gamma:
            mistakes = [
                (pairing, "The penalties are missing: R1 at real images and R2 at fakes."),
                (pairing + gamma / 2 * r1, "R2 is missing: the same penalty at the fakes."),
                (pairing + gamma / 2 * r2, "R1 is missing: the same penalty at the real images."),
                (pairing + gamma * (r1 + r2), "The factor is gamma / 2, for each of the two."),
                (
                    pairing + gamma / 4 * (r1 + r2),
                    "Each of the two comes times gamma / 2: yours are averaged.",
                ),
                (pairing - rest, "The penalties have the wrong sign: D pays for its slope."),
                (
                    pairing
                    + gamma
                    / 2
                    * ((g1.flatten(1).norm(dim=1) - 1).square() + (g2.flatten(1).norm(dim=1) - 1).square()).mean(),
                    "The slopes are compared with 1, as in WGAN-GP: R1 and R2 ask for 0.",
                ),
                (
                    pairing + gamma / 2 * (g1.flatten(1).norm(dim=1) + g2.flatten(1).norm(dim=1)).mean(),
                    "The norms are not squared.",
                ),
                (
                    pairing + gamma / 2 * (g1.flatten(1).abs().sum(1) + g2.flatten(1).abs().sum(1)).mean(),
                    "You add up absolute values: a squared norm is the sum of the squares.",
                ),
                (
                    pairing + gamma / 2 * (g1.flatten(1).sum(1) + g2.flatten(1).sum(1)).mean(),
                    "Nothing is squared: a squared norm is the sum of the squares.",
                ),
                (
                    pairing + gamma / 2 * (g1.flatten(1).square().sum(0) + g2.flatten(1).square().sum(0)).mean(),
                    "The sum goes over the images, the mean over the pixels: it is the other way round.",
                ),
                (
                    pairing + gamma / 2 * (g1.square().sum(1).mean() + g2.square().sum(1).mean()),
                    "The sum goes over the channels alone: a squared norm is over all pixels, `flatten(1)` first.",
                ),
                (
                    pairing + gamma / 2 * (g1.square().mean() + g2.square().mean()),
                    "A mean over pixels: a squared norm is their sum.",
                ),
                (pairing + 8 * rest, "The penalties are summed over the batch: take the mean."),
                (
                    pairing + rest / 64,
                    "You differentiated the *mean* of the scores, which divides each gradient by the batch size: take "
                    "the sum.",
                ),
                *mistakes,
            ]
        judge_value(value, right, mistakes, f"gamma = {gamma:g}, a small D and eight pairs")
        check_graph(value, right, D, "look for a `.detach()`, `.item()` or a missing `create_graph=True`.")
        check_apart(value, source)
    return "At equal scores the pairing costs log 2; R1 and R2 together are what makes this game converge near its end."
