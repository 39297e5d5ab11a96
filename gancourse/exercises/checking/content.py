"""Checks of lesson 10's losses: what differing features cost, and what G pays."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from gancourse.exercises.checking.engine import StudentFunction, Wrong
from gancourse.exercises.checking.gradient_penalty import judge_value
from gancourse.exercises.checking.judging import Mistake, close
from gancourse.exercises.checking.watching import Features, gradients, one_number

# --- the content loss ------------------------------------------------------------------------------------------------


def check_content_loss(call: StudentFunction) -> str:
    """The check of `lesson10.content_loss`: content_loss(features, fake, real), a scalar."""
    features = Features()
    made, true = (torch.rand(3, 3, 8, 10) * 2 - 1 for _ in range(2))
    of_fake, of_real = (torch.zeros_like(made, requires_grad=True) for _ in range(2))
    fake, real = made + of_fake, true + of_real
    value = one_number(call(features, fake, real))
    watched = features.calls[:]
    ours, theirs = features(fake), features(real)
    features.calls[:] = watched
    right = torch.stack([F.mse_loss(f, t.detach()) for f, t in zip(ours, theirs, strict=True)]).sum()
    judge_value(value, right, _content_mistakes(ours, theirs, fake, real), "three small maps and three pictures")
    if any(p.grad is not None for p in features.parameters()) or of_fake.grad is not None:
        raise Wrong("It calls `backward`: return the loss, the step comes later.")
    if not value.requires_grad:
        raise Wrong(
            "The value is right, but has no gradient: `no_grad` or `detach` is around both. Only the truth's features "
            "go without; through the fake's G learns."
        )
    for_fake, for_real = gradients(value, of_fake, of_real)
    if not bool(for_fake.any()):
        exchanged = " It is the truth that has one: the two are exchanged." if bool(for_real.any()) else ""
        raise Wrong(f"The value is right, but no gradient comes to the fake: G would never move.{exchanged}")
    if bool(for_real.any()):
        raise Wrong(
            "The value is right, but its gradient goes on into the truth, which is not to move: compute the truth's "
            "features under `torch.no_grad()`, or detach them."
        )
    if features.hangs_on(value, real.detach()):
        raise Wrong(
            "The truth's picture is detached, and its features are not: they still keep a graph, as large as the "
            "fake's, for the network's weights. Compute them under `torch.no_grad()`, or detach the maps."
        )
    if not close(for_fake, gradients(right, of_fake)[0], rtol=1e-3, atol=1e-6):
        raise Wrong("The value is right, its gradient for the fake is not: are some of its maps detached?")
    return "Each map counts alike, whatever its size, and G alone learns from it."


def _content_mistakes(
    ours: tuple[Tensor, ...], theirs: tuple[Tensor, ...], fake: Tensor, real: Tensor
) -> list[Mistake]:
    gaps = [f - t for f, t in zip(ours, theirs, strict=True)]
    squares = torch.stack([gap.square().mean() for gap in gaps])
    sums = torch.stack([gap.square().sum() for gap in gaps])
    right, n = squares.sum(), len(fake)
    return [
        (sums.sum(), "You sum over each map's numbers: take the mean, or the largest map drowns the others."),
        (sums.sum() / n, "You sum over each picture's numbers: take the mean over the whole map."),
        (
            torch.stack([gap.square().sum(1).mean() for gap in gaps]).sum(),
            "You sum over the channels: take the mean over the whole map.",
        ),
        (squares.mean(), "This is the mean over the maps: they are added."),
        (
            torch.cat([gap.flatten() for gap in gaps]).square().mean(),
            "One mean over the numbers of all maps: each map has its own, so that a large one does not drown others.",
        ),
        (torch.stack([gap.abs().mean() for gap in gaps]).sum(), "These are absolute values, L1: squares are expected."),
        (
            torch.stack([gap.abs().mean() for gap in gaps]).mean(),
            "These are absolute values, L1: squares are expected.",
        ),
        (squares.sqrt().sum(), "The root is too much: the mean of squares, added over the maps."),
        (right.sqrt(), "The root is too much: the mean of squares, added over the maps."),
        *[
            (squares[i], f"Only the {name} map counts: all of them are added.")
            for i, name in enumerate(("first", "second", "last"))
        ],
        (squares[1:].sum(), "The first map is left out."),
        (squares[:-1].sum(), "The last map is left out."),
        ((fake - real).square().mean(), "This compares pixels: give both pictures to `features` first."),
        (
            torch.stack([gap.mean().square() for gap in gaps]).sum(),
            "The mean comes before the square: errors of different sign cancel.",
        ),
        (torch.stack([gap.mean() for gap in gaps]).sum(), "The square is missing."),
        (right / 2, "This is half of it: the means of squares are added, without a factor."),
        (0.006 * right, "The scale of .006 comes later, and belongs to VGG's features."),
        (-right, "The sign is turned: G minimises it."),
        (right * 0, "It is 0: is the fake compared with itself?"),
    ]


# --- what G pays -----------------------------------------------------------------------------------------------------


def check_generator_loss(call: StudentFunction) -> str:
    """The check of `lesson10.generator_loss`: generator_loss(content, fake_logits, weight), a scalar."""
    for weight, shift in ((0.3, 0.0), (1e-3, 0.0), (0.3, -120.0)):
        content = torch.tensor(0.437, requires_grad=True)
        logits = (torch.tensor([-1.7, 0.4, 2.2, -0.3, 0.9]) + shift).requires_grad_()
        value = one_number(call(content * 1, logits * 1, weight))
        right = content + weight * F.softplus(-logits).mean()
        mistakes = _far_mistakes(content, logits, weight) if shift else _paid_mistakes(content, logits, weight)
        what = f"the content .437, five logits{' about -120' * bool(shift)} and the weight {weight:g}"
        judge_value(value, right, mistakes, what)
        if not value.requires_grad:
            raise Wrong("The value is right, but has no gradient: look for a `.detach()`, `.item()` or `no_grad`.")
        found, wanted = gradients(value, content, logits), gradients(right, content, logits)
        for name, mine, ours in zip(("content", "logits"), found, wanted, strict=True):
            if not bool(mine.any()):
                raise Wrong(f"The value is right, but no gradient goes to the {name}: G learns from both terms.")
            if not close(mine, ours, rtol=1e-3, atol=1e-7):
                raise Wrong(f"The value is right, its gradient for the {name} is not.")
    return (
        "Where D is sure of a fake, -log D has a slope of nearly -1 in its logit, and log(1 - D) has nearly none: then "
        "the weight decides how much D says, and not D's confidence."
    )


def _paid_mistakes(content: Tensor, logits: Tensor, weight: float) -> list[Mistake]:
    costs = F.softplus(-logits)
    adversarial, p = costs.mean(), logits.sigmoid()
    mistakes: list[Mistake] = [
        (
            content - weight * F.softplus(logits).mean(),
            "This is the saturating loss, log(1 - D): where D is sure, it hardly has a slope. -log D is asked for.",
        ),
        (
            content + weight * F.softplus(logits).mean(),
            "The fakes have the target 0, D's own: G wants them to pass for real, 1, which costs softplus(-logit).",
        ),
        (weight * content + adversarial, "The weight stands before the content: it multiplies D's term."),
        (weight * (content + adversarial), "The weight multiplies both terms: D's alone has it."),
        (content + adversarial, "The weight is missing: it multiplies D's term."),
        (content + weight * costs.sum(), "You sum over the batch: take the mean, or the weight depends on its size."),
        (content - weight * adversarial, "The sign is turned: log D is what G wants large, so it pays -log D."),
        (-content + weight * adversarial, "The content has the wrong sign."),
        (-(content + weight * adversarial), "The sign is turned: G minimises this."),
        (content, "D's term is missing: weight times the mean of softplus(-logit)."),
        (weight * adversarial, "The content is missing."),
        (adversarial, "The content is missing, and the weight."),
        (
            content + weight * F.softplus(-p).mean(),
            "D gives logits, and their sigmoid was taken twice: once by you, once by the loss.",
        ),
        (content - weight * p.mean(), "The logarithm is missing: -log of D's probability is asked for."),
        (content + weight * (1 - p).mean(), "The logarithm is missing: -log of D's probability is asked for."),
        (content - weight * p.log10().mean(), "The logarithm is the one to the base 10: the natural one is meant."),
        (content - weight * p.mean().log(), "The mean comes before the logarithm: each picture has its own cost."),
        (
            content + weight * F.softplus(-logits.mean()),
            "The mean comes before the loss: each picture has a logit and a cost of its own.",
        ),
        (content + weight * (logits - 1).square().mean(), "These are least squares: -log D is asked for."),
        (content + weight * (p - 1).square().mean(), "These are least squares: -log D is asked for."),
        (content - weight * logits.mean(), "This is WGAN's loss: -log D is asked for."),
        (content + weight * adversarial / 2, "D's term is halved: the weight alone scales it."),
        (0.006 * content + weight * adversarial, "The content has its scale already: add it as it is."),
    ]
    if weight != 1e-3:
        mistakes.insert(0, (content + 1e-3 * adversarial, "The weight is always .001: take the one that is given."))
    return mistakes


def _far_mistakes(content: Tensor, logits: Tensor, weight: float) -> list[Mistake]:
    why = "D is sure of these fakes, with logits of -120, and `sigmoid` gives 0 in float32"
    remedy = "`F.softplus(-logit)` is the same number and never overflows."
    infinite = torch.tensor(torch.inf)
    clamped = content + weight * 100
    return [
        (infinite, f"The loss is infinite. {why}, whose log is minus infinity: {remedy}"),
        (infinite.neg(), f"The loss is minus infinity. {why}, whose log is minus infinity: {remedy}"),
        (clamped, f"{why}, whose log `binary_cross_entropy` cuts off at -100. No gradient is left there: {remedy}"),
        *[
            (
                content - weight * (logits.sigmoid() + eps).log().mean(),
                f"{why}: the eps in the logarithm is all that is left, and no gradient. {remedy}",
            )
            for eps in (1e-6, 1e-7, 1e-8, 1e-10, 1e-12)
        ],
    ]
