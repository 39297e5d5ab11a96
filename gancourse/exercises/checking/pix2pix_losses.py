"""Checks of Pix2Pix's two losses in lesson 08: what D is shown, what it is asked, and what G pays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from gancourse.exercises.checking.crashes import describe
from gancourse.exercises.checking.engine import StudentFunction, Wrong
from gancourse.exercises.checking.gradient_penalty import judge_value
from gancourse.exercises.checking.judging import close
from gancourse.exercises.checking.pix2pix_scene import BATCH, Scene
from gancourse.exercises.checking.relations import one_term


def _pixels(*parts: Tensor) -> Tensor:
    return torch.cat(parts, 1).detach()


def _one_number(value: Any) -> Tensor:
    if not isinstance(value, Tensor):
        raise Wrong(f"It returned {describe((value,))}: a step needs a tensor, with a gradient.")
    if value.numel() != 1:
        raise Wrong(f"It returned shape {tuple(value.shape)}: one number, the mean over all patches of all pictures.")
    return value.reshape(())


def _slopes(value: Tensor, leaves: Sequence[Tensor]) -> list[Tensor]:
    found = torch.autograd.grad(value, list(leaves), allow_unused=True, retain_graph=True)
    return [torch.zeros_like(leaf) if g is None else g for g, leaf in zip(found, leaves, strict=True)]


def _same_slopes(value: Tensor, right: Tensor, leaves: Sequence[Tensor]) -> bool:
    pairs = zip(_slopes(value, leaves), _slopes(right, leaves), strict=True)
    return all(close(a, b, rtol=1e-3, atol=1e-6) for a, b in pairs)


# --- D's -------------------------------------------------------------------------------------------------------------


def check_d_loss(call: StudentFunction) -> str:
    """The check of `lesson08.pix2pix_d_loss`: d_loss(D, x, y, fake)."""
    scene = Scene()
    value = _one_number(scene.run(call))
    shown = scene.judge_shown()
    x, y, fake, D = scene.x, scene.y, scene.fake, scene.D
    real_logits, fake_logits = scene.logits(x, y), scene.logits(x, fake)
    on_real, on_fake = F.softplus(-real_logits).mean(), F.softplus(fake_logits).mean()
    right = (on_real + on_fake) / 2
    patches = real_logits.numel()
    turned_real, turned_fake = scene.logits(y, x), scene.logits(fake, x)
    for_target = F.softplus(scene.logits(y, fake)).mean()
    p_real, p_fake = real_logits.sigmoid(), fake_logits.sigmoid()
    mistakes = [
        (2 * right, "It is not halved: Pix2Pix divides D's loss by 2, so that D learns more slowly than G."),
        (right / 2, "It is divided by 4: once by 2 is enough."),
        (right * patches, "You sum over patches and pictures: take the mean."),
        (right * patches / BATCH, "You sum over the patches of a picture: take the mean."),
        (
            (F.softplus(real_logits).mean() + F.softplus(-fake_logits).mean()) / 2,
            "The targets are exchanged: real pairs have the target 1, fakes 0.",
        ),
        (
            (F.softplus(real_logits).mean() + on_fake) / 2,
            "Real pairs have the wrong target: 0 in place of 1. D would call everything a fake.",
        ),
        (
            (on_real + F.softplus(-fake_logits).mean()) / 2,
            "Fakes have the wrong target: 1 in place of 0. That is what G wants of them, in its own step.",
        ),
        (-right, "The sign is turned: D minimises it."),
        (on_real / 2, "Only the real half is there."),
        (on_fake / 2, "Only the fake half is there."),
        (on_real, "Only the real half is there."),
        (on_fake, "Only the fake half is there."),
        (
            (F.softplus(-turned_real).mean() + F.softplus(turned_fake).mean()) / 2,
            "The picture stands before the condition: x comes first, on both sides.",
        ),
        (
            (on_real + F.softplus(turned_fake).mean()) / 2,
            "Condition and picture are exchanged for the fakes alone: D could tell by the order.",
        ),
        (
            (F.softplus(-turned_real).mean() + on_fake) / 2,
            "Condition and picture are exchanged for the real pairs alone: D could tell by the order.",
        ),
        (
            (on_real + for_target) / 2,
            "The fakes come with the true picture y in the place of the condition x: D sees at once what is fake.",
        ),
        (
            (F.binary_cross_entropy_with_logits(p_real, torch.ones_like(p_real)) + F.softplus(p_fake).mean()) / 2,
            "D gives logits, and their sigmoid was taken twice: once by you, once by the loss.",
        ),
        (
            ((real_logits - 1).square().mean() + fake_logits.square().mean()) / 2,
            "These are least squares, CycleGAN's: Pix2Pix takes the binary cross-entropy.",
        ),
        (
            (F.softplus(-real_logits.mean()) + F.softplus(fake_logits.mean())) / 2,
            "The mean comes before the loss: each patch has a verdict and a loss of its own.",
        ),
    ]
    mistakes += one_term(
        {"real half": F.softplus(-real_logits) / 2, "fake half": F.softplus(fake_logits) / 2},
        {
            "real half": [
                ((1 - p_real).mean() / 2, "The real half has no logarithm: it is -log D, softplus(-logit)."),
                (-real_logits.mean() / 2, "The real half is a mean of logits: it is -log D, softplus(-logit)."),
            ],
            "fake half": [
                (p_fake.mean() / 2, "The fake half has no logarithm: it is -log(1 - D), softplus(logit)."),
                (fake_logits.mean() / 2, "The fake half is a mean of logits: it is -log(1 - D), softplus(logit)."),
            ],
        },
    )
    wrong_pairs = [item for item in shown if not _known(item, scene)]
    if wrong_pairs and not close(value.detach(), right.detach()):
        _judge_other_pairs(wrong_pairs[0], scene)
    judge_value(value, right, mistakes, "a small D and five pairs")
    if not value.requires_grad:
        raise Wrong("The number is right, but D cannot learn from it: look for a `.detach()`, `.item()` or `no_grad`.")
    if not _same_slopes(value, right, list(D.parameters())):
        raise Wrong("The number is right, its gradient for D's weights is not: what is detached are fakes, not logits.")
    if bool(_slopes(value, [scene.source])[0].any()):
        raise Wrong(
            "The number is right, but its gradient goes on into the fakes, towards G, which costs time and leaves "
            "gradients there that help D: `fake.detach()`."
        )
    return "D judges pairs, each patch on its own, and G is not reached."


def _known(item: Tensor, scene: Scene) -> bool:
    """Whether D was shown known tensors of the right partner, in either order, one picture or the batch."""
    x, y, fake = scene.x, scene.y, scene.fake.detach()
    rows = torch.cat([_pixels(x, y), _pixels(x, fake), _pixels(y, x), _pixels(fake, x), _pixels(y, fake)])
    return all(any(close(one, row) for row in rows) for one in item)


def _judge_other_pairs(item: Tensor, scene: Scene) -> None:
    first = item[0]
    fake = scene.fake.detach()[0]
    if close(first[:3], first[3:]):
        raise Wrong("D is shown a picture twice: the condition x belongs in front of it.")
    if close(first, torch.cat([fake, scene.y[0]])):
        raise Wrong("D is shown a fake and the true picture: it judges a picture beside its condition x.")
    raise Wrong("D is shown other pairs than x with y and x with the fake: are pictures shuffled, or scaled?")


# --- G's -------------------------------------------------------------------------------------------------------------


def check_g_loss(call: StudentFunction) -> str:
    """The check of `lesson08.pix2pix_g_loss`: g_loss(D, x, y, fake, weight)."""
    for weight in (3.0, 100.0):  # the small one first: beside 100 L1 the two adversarial terms look alike
        scene = Scene()
        value = _one_number(scene.run(call, weight))
        x, y, fake = scene.x, scene.y, scene.fake
        logits = scene.logits(x, fake)
        adversarial, l1 = F.softplus(-logits).mean(), (fake - y).abs().mean()
        right = adversarial + weight * l1
        if scene.D.seen:
            scene.judge_shown()
        numel, p = fake.numel(), logits.sigmoid()
        twice = F.softplus(-p).mean()
        others = [
            (adversarial + weight * l1 * numel, "L1 is summed over pixels: the weight of 100 is one for the *mean*."),
            (
                adversarial + weight * l1 * numel / BATCH,
                "L1 is summed over each picture: the weight of 100 is one for the *mean* over all pixels.",
            ),
            (
                adversarial + weight * (fake - y).square().mean(),
                "These are squares, L2: they ask for the mean of all possible pictures, a blur. L1 is asked for.",
            ),
            (adversarial + weight * (fake - y).square().mean().sqrt(), "This is the root of L2: L1 is asked for."),
            (weight * adversarial + l1, "The weight stands before the wrong term: it multiplies L1."),
            (weight * (adversarial + l1), "The weight multiplies both terms: L1 alone has it."),
            (adversarial + l1, "The weight is missing: it multiplies L1."),
            (adversarial + 100 * l1, "The weight is written down as 100: take the one that is given."),
            (adversarial, "L1 is missing: its weight times the mean of |fake - y|."),
            (weight * l1, "Only L1 is there: the adversarial term is missing."),
            (
                adversarial + weight * (fake - y).mean(),
                "The absolute value is missing: too bright and too dark cancel.",
            ),
            (
                adversarial + weight * (fake - x).abs().mean(),
                "The fake is compared with its condition x: it is to look like y.",
            ),
            (adversarial - weight * l1, "L1 has the wrong sign: G pays for every difference."),
            (
                twice + weight * l1,
                "D gives logits, and their sigmoid was taken twice: once by you, once by the loss.",
            ),
            (-p.mean() + weight * l1, "The logarithm is missing: -log of D's probability is asked for."),
            (
                F.softplus(logits).mean() + weight * l1,
                "The fakes have the target 0, D's: G wants them to pass for real, 1.",
            ),
            (
                -F.softplus(logits).mean() + weight * l1,
                "This is the saturating loss, log(1 - D): the non-saturating one is asked for, -log D.",
            ),
            (adversarial / 2 + weight * l1, "The adversarial term is halved: that is D's loss, not G's."),
            (right / 2, "It is halved: that is D's loss, not G's."),
            (F.softplus(-logits).sum() + weight * l1, "You sum the adversarial term over patches: take the mean."),
            (
                F.softplus(-scene.logits(fake, x)).mean() + weight * l1,
                "The picture stands before the condition: D is used to x first.",
            ),
            (
                F.softplus(-scene.logits(y, fake)).mean() + weight * l1,
                "D is shown the true picture y in the place of the condition: x comes first, as in D's own step. "
                "(Published code has had this.)",
            ),
            (
                F.softplus(-scene.logits(x, y)).mean() + weight * l1,
                "D is shown the true picture: G is judged by its fake.",
            ),
        ]
        mistakes = [(wrong, message) for wrong, message in others if not close(wrong.detach(), right.detach())]
        judge_value(value, right, mistakes, f"a small D, five pairs and the weight {weight:g}")
        _judge_g_slopes(value, right, adversarial, weight * l1, scene.source)
    return "D says whether it looks real beside its map, L1 says where everything is."


def _judge_g_slopes(value: Tensor, right: Tensor, adversarial: Tensor, l1: Tensor, source: Tensor) -> None:
    if not value.requires_grad or not bool(_slopes(value, [source])[0].any()):
        raise Wrong("The number is right, but no gradient comes to the fake: nothing is detached in G's own step.")
    if _same_slopes(value, right, [source]):
        return
    if _same_slopes(value, adversarial, [source]):
        raise Wrong("The number is right, but L1's gradient does not come to the fake: look for a `.detach()` there.")
    if _same_slopes(value, l1, [source]):
        raise Wrong("The number is right, but D's gradient does not come to the fake: it is detached on its way to D.")
    raise Wrong("The number is right, its gradient for the fake is not.")
