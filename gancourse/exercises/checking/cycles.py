"""Checks of lesson 09's terms: the way there and back, the identity, what both translators minimise."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from gancourse.exercises.checking.adam import judge_optimiser
from gancourse.exercises.checking.crashes import describe
from gancourse.exercises.checking.engine import StudentFunction, Wrong
from gancourse.exercises.checking.gradient_penalty import judge_value
from gancourse.exercises.checking.judging import Mistake, close
from gancourse.exercises.checking.relations import one_term

_SHAPE = (2, 3, 5, 6)  # no two axes of a batch are equally long


class _Translator(nn.Module):
    """Pictures (B, 3, H, W) -> such in [-1, 1], not far from what they were; notes what it was given."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Conv2d(3, 3, 3, padding=1)
        self.seen: list[Tensor] = []

    def forward(self, x: Tensor) -> Tensor:
        self.seen.append(x.detach().clone())
        y: Tensor = torch.tanh(x + self.layer(x))
        return y


def _patches() -> nn.Sequential:
    """A D: pictures (B, 3, 5, 6) -> scores of patches (B, 1, 3, 4)."""
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.LeakyReLU(0.2), nn.Conv2d(4, 1, 1))


def _pictures() -> tuple[Tensor, Tensor]:
    return torch.rand(_SHAPE) * 2 - 1, (torch.rand(_SHAPE) * 2 - 1) * 0.5 + 0.3


def l1(x: Tensor, y: Tensor) -> Tensor:
    """The mean of |x - y|, a scalar."""
    return (x - y).abs().mean()


def squares(x: Tensor, y: Tensor) -> Tensor:
    """The mean of (x - y)^2, a scalar."""
    return (x - y).square().mean()


def _one_number(value: Any) -> Tensor:
    if not isinstance(value, Tensor):
        raise Wrong(f"It returned {describe((value,))}: both translators learn from it, so a tensor is expected.")
    if value.numel() != 1:
        raise Wrong(f"It returned shape {tuple(value.shape)}: one number is expected, of means over all pixels.")
    return value.reshape(())


def _of_differences(gap: Tensor, name: str, weight: float = 1.0) -> list[Mistake]:
    """What one of two means of absolute differences may be taken for; name: what the mean is of."""
    return [
        (weight * gap.square().mean(), f"{name} is squared: absolute values, L1, in both."),
        (weight * gap.mean(), f"{name} has no absolute value: errors of different sign cancel."),
    ]


def _adversarial(of_b: Tensor, of_a: Tensor) -> dict[str, Tensor]:
    """What D_b says of G_ab's fakes and D_a of G_ba's, as the terms that the translators minimise."""
    return {"adversarial term of G_ab": (of_b - 1).square(), "adversarial term of G_ba": (of_a - 1).square()}


def _judge_gradient(
    value: Tensor, right: Tensor, networks: dict[str, nn.Module], mistakes: Sequence[tuple[Tensor, str]] = ()
) -> None:
    """`Wrong` unless a value that is right has right's gradient for the weights of all networks."""
    if any(p.grad is not None for net in networks.values() for p in net.parameters()):
        raise Wrong("The networks have gradients now: return the value, and leave `backward` to the step.")
    if not value.requires_grad:
        raise Wrong("The value is right, but has no gradient: look for a `.detach()`, `.item()` or `no_grad`.")
    weights = [p for net in networks.values() for p in net.parameters()]

    def slopes(of: Tensor) -> list[Tensor]:
        found = torch.autograd.grad(of, weights, allow_unused=True, retain_graph=True)
        return [torch.zeros_like(p) if g is None else g for p, g in zip(weights, found, strict=True)]

    def same(a: list[Tensor], b: list[Tensor]) -> bool:
        return all(close(x, y, rtol=1e-3, atol=1e-6) for x, y in zip(a, b, strict=True))

    mine, wanted = slopes(value), slopes(right)
    if same(mine, wanted):
        return
    for mistaken, message in mistakes:
        if same(mine, slopes(mistaken)):
            raise Wrong(message)
    raise Wrong("The value is right, its gradient for the translators' weights is not: is something detached?")


# --- there and back --------------------------------------------------------------------------------------------------


def check_cycle_loss(call: StudentFunction) -> str:
    """The check of `lesson09.cycle_loss`: cycle_loss(G_ab, G_ba, a, b), a scalar."""
    F, G = _Translator(), _Translator()  # F: G_ab, G: G_ba
    a, b = _pictures()
    value = _one_number(call(F, G, a.clone(), b.clone()))
    there, back = F(a), G(b)
    right = l1(G(there), a) + l1(F(back), b)
    mistakes: list[Mistake] = [
        (
            l1(F(G(a)), a) + l1(G(F(b)), b),
            "The order is exchanged: G_ab is given pictures of side a. The way of a is G_ba(G_ab(a)), first there and "
            "then back.",
        ),
        (l1(G(there), a), "Only the way of a is there: b goes to a and back as well, G_ab(G_ba(b))."),
        (l1(F(back), b), "Only the way of b is there: a goes to b and back as well, G_ba(G_ab(a))."),
        (squares(G(there), a) + squares(F(back), b), "The differences are squared: absolute values, L1."),
        (
            (G(there) - a).abs().sum() + (F(back) - b).abs().sum(),
            "You sum over pixels and pictures: take the mean.",
        ),
        (
            ((G(there) - a).abs().sum() + (F(back) - b).abs().sum()) / len(a),
            "You sum over the pixels of a picture: the mean is over all of them, and over the batch.",
        ),
        (right / 2, "This is half of it: the two means are added."),
        (10 * right, "The weight 10 comes later: return the two means, added."),
        (
            l1(there, b) + l1(back, a),
            "This is one way only, compared with pictures of the other side, which are of something else: the picture "
            "has to come back.",
        ),
        (l1(there, a) + l1(back, b), "This is one way only, G_ab(a) against a: the picture has to come back."),
        (
            l1(G(there), there) + l1(F(back), back),
            "What came back is compared with the fake: compare it with the picture it began as.",
        ),
        (l1(G(there), b) + l1(F(back), a), "What came back is compared with the other side's picture."),
        (
            (G(there) - a).mean().abs() + (F(back) - b).mean().abs(),
            "The mean comes before the absolute value: errors of different sign cancel.",
        ),
        ((G(there) - a).mean() + (F(back) - b).mean(), "The absolute value is missing: errors cancel."),
        (-right, "The sign is turned: the translators minimise what is lost."),
        (
            l1(F(b), b) + l1(G(a), a),
            "This is the identity term, of a picture that is on its side already: here it goes there and back.",
        ),
        *one_term(
            {"way of a": (G(there) - a).abs(), "way of b": (F(back) - b).abs()},
            {
                "way of a": _of_differences(G(there) - a, "The way of a"),
                "way of b": _of_differences(F(back) - b, "The way of b"),
            },
        ),
    ]
    judge_value(value, right, mistakes, "two small translators")
    cut = l1(G(there.detach()), a) + l1(F(back.detach()), b)
    detached = (
        cut,
        "The value is right, but the fakes are detached: then only the way back learns. The way there must learn to "
        "leave in its fake what the way back needs.",
    )
    _judge_gradient(value, right, {"G_ab": F, "G_ba": G}, [detached])
    return "Each translator learns from both ways: as the first half of one and as the second half of the other."


# --- identity --------------------------------------------------------------------------------------------------------


def check_identity_loss(call: StudentFunction) -> str:
    """The check of `lesson09.identity_loss`: identity_loss(G_ab, G_ba, a, b, cycle), a scalar, weighted."""
    for cycle in (10.0, 4.0):
        F, G = _Translator(), _Translator()
        a, b = _pictures()
        value = _one_number(call(F, G, a.clone(), b.clone(), cycle))
        same = l1(F(b), b) + l1(G(a), a)
        right, of_b, of_a = cycle / 2 * same, cycle / 2 * l1(F(b), b), cycle / 2 * l1(G(a), a)
        swapped = l1(F(a), a) + l1(G(b), b)
        mistakes: list[Mistake] = [
            (
                cycle / 2 * swapped,
                "The translators are exchanged: this asks G_ab to leave a as it is, which is the one thing that it is "
                "to change. G_ab is shown b, which is there already. (fast.ai's course had this bug, PR #449.)",
            ),
            (
                cycle / 2 * (l1(G(b), b) + l1(F(b), b)),
                "G_ba is shown b as well: it is to change that. What it shall leave alone is a.",
            ),
            (
                cycle / 2 * (l1(F(a), a) + l1(G(a), a)),
                "G_ab is shown a as well: it is to change that. What it shall leave alone is b.",
            ),
            (same, "The weight is missing: half of `cycle`."),
            (
                0.1 * same,
                "The weight is 0.1, as in a well-known course: the paper's is half of `cycle`, 5 where that is 10.",
            ),
            (cycle * same, "The weight is half of `cycle`: .5 lambda."),
            (cycle / 4 * same, "This is half of it: the two means are added, then multiplied by half of `cycle`."),
            (of_b, "Only G_ab's half is there: G_ba shall leave a alone as well."),
            (of_a, "Only G_ba's half is there: G_ab shall leave b alone as well."),
            (cycle / 2 * (squares(F(b), b) + squares(G(a), a)), "The differences are squared: L1, absolute values."),
            (
                cycle / 2 * ((F(b) - b).abs().sum() + (G(a) - a).abs().sum()),
                "You sum over pixels and pictures: take the mean.",
            ),
            (
                cycle / 2 * (l1(G(F(a)), a) + l1(F(G(b)), b)),
                "This is the cycle term: for the identity a picture passes one translator only.",
            ),
            (cycle / 2 * (l1(F(b), a) + l1(G(a), b)), "G_ab(b) is compared with a: compare it with b itself."),
            *one_term(
                {"half of G_ab": cycle / 2 * (F(b) - b).abs(), "half of G_ba": cycle / 2 * (G(a) - a).abs()},
                {
                    "half of G_ab": _of_differences(F(b) - b, "The half of G_ab", cycle / 2),
                    "half of G_ba": _of_differences(G(a) - a, "The half of G_ba", cycle / 2),
                },
            ),
        ]
        if cycle != 10:
            mistakes = [(5 * same, "The weight is always 5: it is half of `cycle`, whatever that is."), *mistakes]
        judge_value(value, right, mistakes, f"two small translators and cycle = {cycle:g}")
        _judge_gradient(value, right, {"G_ab": F, "G_ba": G})
    return (
        "Who is there already, stays: without this term G may exchange colours as far as D lets it and G can undo it."
    )


# --- what both translators minimise ----------------------------------------------------------------------------------


def check_translators(call: StudentFunction) -> str:
    """The check of `lesson09.translators`: translators(G_ab, G_ba, D_a, D_b, a, b, cycle) -> (loss, optimiser)."""
    for cycle in (10.0, 0.0):
        F, G, D_a, D_b = _Translator(), _Translator(), _patches(), _patches()
        a, b = _pictures()
        pair = call(F, G, D_a, D_b, a.clone(), b.clone(), cycle)
        if not isinstance(pair, tuple | list) or len(pair) != 2:
            raise Wrong(f"It returned {describe((pair,))}: a pair is expected, the loss and the optimiser.")
        value, optimiser = _one_number(pair[0]), pair[1]
        rest = cycle * (l1(G(F(a)), a) + l1(F(G(b)), b))
        of_b, of_a = D_b(F(a)), D_a(G(b))
        lost_b, lost_a = (of_b - 1).square().mean(), (of_a - 1).square().mean()
        right = lost_a + lost_b + rest
        mistakes: list[Mistake] = [
            (
                of_b.square().mean() + of_a.square().mean() + rest,
                "The target is D's, 0 for fakes: the translators want their fakes to score 1.",
            ),
            (
                (D_a(F(a)) - 1).square().mean() + (D_b(G(b)) - 1).square().mean() + rest,
                "The discriminators are exchanged: what G_ab paints claims to be of side b, so D_b judges it.",
            ),
            ((D_a(a) - 1).square().mean() + (D_b(b) - 1).square().mean() + rest, "D is shown the real pictures."),
            ((lost_a + lost_b) / 2 + rest, "The adversarial part is halved: it is D's loss that the paper halves."),
            (lost_b + rest, "G_ba has no adversarial part: D_a judges what it makes of b."),
            (lost_a + rest, "G_ab has no adversarial part: D_b judges what it makes of a."),
            (
                len(of_b.flatten()) * (lost_a + lost_b) + rest,
                "You sum over patches and pictures: take the mean.",
            ),
            (
                (of_b.mean() - 1).square() + (of_a.mean() - 1).square() + rest,
                "The mean comes before the square: then one patch may pay for another.",
            ),
            (
                nn.functional.softplus(-of_b).mean() + nn.functional.softplus(-of_a).mean() + rest,
                "This is the non-saturating loss: least squares is asked for, the mean of (D - 1)^2.",
            ),
            (
                (of_b.sigmoid() - 1).square().mean() + (of_a.sigmoid() - 1).square().mean() + rest,
                "The scores went through a sigmoid: least squares takes them as they are.",
            ),
            (-of_b.mean() - of_a.mean() + rest, "This is WGAN's loss: least squares is asked for."),
            (-right, "The sign is turned: the translators minimise this."),
            *[(loss + rest, message) for loss, message in one_term(_adversarial(of_b, of_a))],
        ]
        if cycle:
            mistakes = [
                (lost_a + lost_b, "The way there and back is missing: `cycle` times exercise 1."),
                (lost_a + lost_b - rest, "The way there and back has the wrong sign: it is added, times `cycle`."),
                (lost_a + lost_b + rest / cycle, "The way there and back has no weight: `cycle` times exercise 1."),
                (rest, "The adversarial part is missing: without it the identity is the best that one can do."),
                *mistakes,
            ]
        judge_value(value, right, mistakes, f"cycle = {cycle:g} and four small networks")
        networks = {"G_ab": F, "G_ba": G, "D_a": D_a, "D_b": D_b}
        if not all(p.requires_grad for net in networks.values() for p in net.parameters()):
            raise Wrong("A network is left frozen: set `requires_grad_(True)` again, or its next step does nothing.")
        judge_optimiser(optimiser, networks)
        _judge_gradient(value, right, {"G_ab": F, "G_ba": G})
    return "One loss and one optimiser for both: a step of either one moves the fakes that the other has to bring back."
