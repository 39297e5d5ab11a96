"""The check of lesson 12's hinge losses, where a discriminator has several heads."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from gancourse.exercises.checking.crashes import describe
from gancourse.exercises.checking.engine import StudentFunction, Wrong
from gancourse.exercises.checking.gradient_penalty import judge_value
from gancourse.exercises.checking.judging import close
from gancourse.exercises.checking.watching import gradients, one_number

#: What a known mistake makes of the real and the fake logits, and its message.
_Slip = tuple[Callable[[Sequence[Tensor], Sequence[Tensor]], Tensor], str]


def check_head_losses(call: StudentFunction) -> str:
    """The check of `lesson12.head_losses`: head_losses(real, fake), lists of logits -> (D's loss, G's loss)."""
    for b, sides in ((6, ((8, 8), (4, 4), (2, 3))), (3, ((2, 2),)), (5, ((1, 1), (1, 1), (3, 1), (1, 2)))):
        real, fake = ([torch.randn(b, *side) * (1 + i) + 2 * i - 1 for i, side in enumerate(sides)] for _ in range(2))
        given = [[x.clone().requires_grad_() for x in logits] for logits in (real, fake)]
        value = call(*given)
        if not isinstance(value, tuple | list) or len(value) != 2:
            raise Wrong(f"It returned {describe((value,))}: a pair is expected, D's loss and G's.")
        what = f"{len(sides)} head{'s' * (len(sides) > 1)} and {b} images"
        judged = (("D", _d_loss, _D_SLIPS, given[0] + given[1]), ("G", _g_loss, _G_SLIPS, given[1]))
        for item, (name, right_of, slips, leaves) in zip(value, judged, strict=True):
            found, right = one_number(item), right_of(*given)
            told = [(slip(real, fake), f"{name}'s loss: {message}") for slip, message in slips]
            if name == "D":
                told += _of_one_half(real, fake)
            judge_value(found, right, told, f"{what}, as {name}'s loss,")
            if not found.requires_grad:
                raise Wrong(f"{name}'s loss is right, but has no gradient: look for a `.detach()` or `.item()`.")
            pairs = zip(gradients(found, *leaves), gradients(right, *leaves), strict=True)
            if not all(close(a, b) for a, b in pairs):
                raise Wrong(f"{name}'s loss is right, its gradient for the logits is not: is something detached?")
    return (
        "Each head has margins of its own: one that is already sure keeps still, and the others go on. An average "
        "over the heads before the cut would let the sure one pay for those that see nothing."
    )


def _total(heads: Sequence[Tensor]) -> Tensor:
    return torch.stack(list(heads)).sum()


def _d_loss(real: Sequence[Tensor], fake: Sequence[Tensor]) -> Tensor:
    return _total([(1 - r).relu().mean() + (1 + f).relu().mean() for r, f in zip(real, fake, strict=True)])


def _of_one_half(real: Sequence[Tensor], fake: Sequence[Tensor]) -> list[tuple[Tensor, str]]:
    """D's losses that are right in the fake half or in the real one."""
    halves = {
        "real half": (real, -1, "relu(1 - r)"),
        "fake half": (fake, 1, "relu(1 + f)"),
    }
    right = _d_loss(real, fake)
    told = []
    for name, (heads, sign, written) in halves.items():
        rest = right - _total([(1 + sign * x).relu().mean() for x in heads])
        for change, words in (
            (lambda x: x.relu().sum(), "is summed over the logits: take the mean in each head"),
            (lambda x: -x.relu().mean(), "is subtracted: both halves are added"),
            (lambda x: x.mean(), "is not cut off: past its margin a logit costs 0"),
            (lambda x: (2 - x).relu().mean(), f"has the wrong sign inside: it is {written}"),
            (lambda x: (x - 1).relu().mean(), f"has the margin 0: it is {written}"),
            (lambda x: (-x).relu().mean(), f"has the wrong sign inside: it is {written}"),
        ):
            told.append((rest + _total([change(1 + sign * x) for x in heads]), f"D's loss: the {name} {words}."))
    return told


def _g_loss(real: Sequence[Tensor], fake: Sequence[Tensor]) -> Tensor:
    return _total([-f.mean() for f in fake])


def _joined(heads: Sequence[Tensor]) -> list[Tensor]:
    return [torch.cat([x.flatten(1) for x in heads], 1)]


def _per_image(heads: Sequence[Tensor]) -> list[Tensor]:
    """One logit of each head and image."""
    return [x.mean((1, 2)) for x in heads]


def _one_logit(heads: Sequence[Tensor]) -> list[Tensor]:
    """One logit of each image, the mean over the heads."""
    return [torch.stack(_per_image(heads)).mean(0)]


def _both(change: Callable[[Sequence[Tensor]], list[Tensor]]) -> Callable[..., Tensor]:
    return lambda real, fake: _d_loss(change(real), change(fake))


_CUT = "an average stands before the cut"
_D_SLIPS: list[_Slip] = [
    (lambda r, f: _d_loss(f, r), "real and fake are exchanged: a real logit costs what it lacks to 1."),
    (lambda r, f: _d_loss(r, f) / 2, "this is half of it: the two means are added."),
    (lambda r, f: -_d_loss(r, f), "the sign is turned: D minimises what it pays."),
    (lambda r, f: _d_loss(r[-1:], f[-1:]), "only the last head is there: every head is a discriminator."),
    (lambda r, f: _d_loss(r[:1], f[:1]), "only the first head is there: every head is a discriminator."),
    (lambda r, f: _total([(1 - x).relu().mean() for x in r]), "only the real half is there."),
    (lambda r, f: _total([(1 + x).relu().mean() for x in f]), "only the fake half is there."),
    (
        lambda r, f: _total([2 - a.mean() + b.mean() for a, b in zip(r, f, strict=True)]),
        "nothing is cut off: past its margin a logit costs 0.",
    ),
    (
        _both(_one_logit),
        f"{_CUT}: the heads are averaged to one logit for each image, so that a head which is sure pays for those that "
        "are not. Cut each logit, then average within a head, then add the heads.",
    ),
    (
        lambda r, f: len(r) * _d_loss(_one_logit(r), _one_logit(f)),
        f"{_CUT}: the heads are averaged to one logit for each image. Cut each logit first.",
    ),
    (_both(_per_image), f"{_CUT}: the logits of an image are averaged first. Cut each of them, then average."),
    (
        _both(lambda heads: [x.mean() for x in heads]),
        f"{_CUT}: the logits of a head are averaged first. Cut each of them, then average.",
    ),
    (
        lambda r, f: _d_loss(r, f) / len(r),
        "this is the mean over the heads: their losses are added.",
    ),
    (
        _both(_joined),
        "all logits are put into one mean, so that a head with many of them outweighs the others: the mean is taken in "
        "each head, and the heads are added.",
    ),
    (
        lambda r, f: len(r) * _d_loss(_joined(r), _joined(f)),
        "all logits are put into one mean, so that a head with many of them outweighs the others.",
    ),
    (
        lambda r, f: _total([(1 - a).relu().sum() + (1 + b).relu().sum() for a, b in zip(r, f, strict=True)]),
        "you sum over the logits: take the mean in each head.",
    ),
    (
        lambda r, f: _total([b.mean() - a.mean() for a, b in zip(r, f, strict=True)]),
        "this is WGAN's: hinge has the margins 1 and -1, and costs 0 beyond them.",
    ),
    (
        lambda r, f: _total([(-a).relu().mean() + b.relu().mean() for a, b in zip(r, f, strict=True)]),
        "the margins are 0: they are 1 and -1.",
    ),
    (
        lambda r, f: _total([F.softplus(-a).mean() + F.softplus(b).mean() for a, b in zip(r, f, strict=True)]),
        "this is Goodfellow's: hinge has corners.",
    ),
]
_G_SLIPS: list[_Slip] = [
    (lambda r, f: -_g_loss(r, f), "the sign is turned: G wants high logits, and minimises this."),
    (lambda r, f: _g_loss(f, r), "these are the real logits: G pays for its fakes."),
    (
        lambda r, f: _total([(1 - x).relu().mean() for x in f]),
        "G has no margin: cut off, it would stop at a logit of 1, and learn nothing of what D finds good already. It "
        "pays -E[logit].",
    ),
    (
        lambda r, f: -_total([(1 + x).relu().mean() for x in f]),
        "this is D's fake half, turned: G pays -E[logit].",
    ),
    (lambda r, f: _total([(1 + x).relu().mean() for x in f]), "this is D's fake half: G pays -E[logit]."),
    (lambda r, f: _total([(-x).relu().mean() for x in f]), "nothing is cut off in G's loss: -E[logit]."),
    (lambda r, f: _total([F.softplus(-x).mean() for x in f]), "this is Goodfellow's: with hinge G pays -E[logit]."),
    (lambda r, f: _g_loss(r, f) / len(f), "this is the mean over the heads: they are added."),
    (
        lambda r, f: _g_loss(r, _joined(f)),
        "all logits are put into one mean, so that a head with many of them outweighs the others.",
    ),
    (lambda r, f: _g_loss(r, f[-1:]), "only the last head is there: G learns from all of them."),
    (lambda r, f: _g_loss(r, f[:1]), "only the first head is there: G learns from all of them."),
    (lambda r, f: -_total([x.sum() for x in f]), "you sum over the logits: take the mean in each head."),
    (
        lambda r, f: _total([x.mean() for x in r]) + _g_loss(r, f),
        "the real logits are in it: G changes the fakes alone.",
    ),
]
