"""The check of lesson 07's gradient penalty, and what it shares with those of the critic's losses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from gancourse.exercises.checking.crashes import describe
from gancourse.exercises.checking.engine import StudentFunction, Wrong
from gancourse.exercises.checking.judging import close, judge, ks_distance

_SHAPE = (3, 4, 5)  # no two axes of a batch are equally long
_B = 96


class SmoothCritic(nn.Module):
    """Images (B, 3, 4, 5) -> scores (B,), at every image with another slope, about 1; notes what it is given."""

    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Flatten(), nn.Linear(60, 24), nn.Tanh(), nn.Linear(24, 1), nn.Flatten(0))
        self.seen: list[Tensor] = []

    def forward(self, x: Tensor) -> Tensor:
        if x.requires_grad:
            self.seen.append(x.detach().clone())
        scores: Tensor = 2.5 * self.net(3 * x)
        return scores


class _Dead(nn.Module):
    """A critic whose only unit is off everywhere: its slope is exactly 0."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(60, 1)
        nn.init.constant_(self.first.bias, -1e3)

    def forward(self, x: Tensor) -> Tensor:
        return self.first(x.flatten(1)).relu().flatten()


def slopes(D: nn.Module, x: Tensor) -> Tensor:
    """The gradient of D's score at each image, same shape as x, itself differentiable."""
    x = x.detach().requires_grad_()
    (gradient,) = torch.autograd.grad(D(x).sum(), x, create_graph=True)
    return gradient


def one_number(value: Any) -> Tensor:
    """The value as a 0-d tensor; `Wrong` where it is no tensor of one number."""
    if not isinstance(value, Tensor):
        raise Wrong(f"It returned {describe((value,))}: D's step needs a tensor, with a gradient.")
    if value.numel() != 1:
        raise Wrong(f"It returned shape {tuple(value.shape)}: one number is expected, the mean over the batch.")
    return value.reshape(())


def judge_value(value: Tensor, right: Tensor, mistakes: Sequence[tuple[Tensor, str]], what: str) -> None:
    """`judging.judge` for one number, without graph."""
    told = [(mistaken.detach().double().reshape(1), message) for mistaken, message in mistakes]
    judge(value.detach().double().reshape(1), right.detach().double().reshape(1), told, [what])


def check_graph(value: Tensor, right: Tensor, D: nn.Module, without: str) -> None:
    """`Wrong` unless the value has the right gradient for D's weights; `without`: what it lacks where it has none."""
    weights = list(D.parameters())
    if any(weight.grad is not None for weight in weights):
        raise Wrong("D's weights have gradients now: `backward` fills them. `torch.autograd.grad` returns the images'.")
    if not value.requires_grad:
        raise Wrong(f"The number is right, but D cannot learn from it: {without}")
    wanted = torch.autograd.grad(right, weights, allow_unused=True, retain_graph=True)
    found = torch.autograd.grad(value, weights, allow_unused=True, retain_graph=True)
    for a, b in zip(found, wanted, strict=True):
        b = torch.zeros(1) if b is None else b
        if not close(torch.zeros_like(b) if a is None else a, b, rtol=1e-3, atol=1e-5):
            raise Wrong(
                "The number is right, its gradient for D's weights is not: is `create_graph=True` missing, or a "
                "`.detach()` on the way?"
            )


def check_apart(value: Tensor, source: Tensor) -> None:
    """`Wrong` where the value has a gradient for what the fakes were made from."""
    reached = (
        torch.autograd.grad(value, source, allow_unused=True, retain_graph=True)[0] if value.requires_grad else None
    )
    if reached is not None and bool(reached.any()):
        raise Wrong("The number is right, but its gradient goes on into the fakes, towards G: `x_fake.detach()` first.")


def pairs(n: int) -> tuple[Tensor, Tensor, Tensor]:
    """Real images, fakes (every pixel at least half a unit away), and the leaf that the fakes hang on."""
    x_real = torch.randn(n, *_SHAPE)
    away = (0.5 + torch.rand(n, *_SHAPE)) * (1 - 2 * torch.randint(2, (n, *_SHAPE)))
    source = torch.zeros(n, *_SHAPE, requires_grad=True)
    return x_real, x_real + away, source


# --- the gradient penalty --------------------------------------------------------------------------------------------


def _shares(call: StudentFunction, n: int) -> tuple[Any, SmoothCritic, Tensor, Tensor, Tensor]:
    """One call: its value, D, the points at which D was differentiated, t at every pixel, the leaf of the fakes."""
    D = SmoothCritic()
    x_real, x_fake, source = pairs(n)
    before = [weight.detach().clone() for weight in D.parameters()]
    value = call(D, x_real.clone(), x_fake + source)
    if any(not torch.equal(a, b) for a, b in zip(before, D.parameters(), strict=True)):
        raise Wrong("D's weights have changed: the penalty is only computed here, D's step comes later.")
    at = torch.cat(D.seen)[-n:] if D.seen else torch.zeros(0, *_SHAPE)
    if at.shape != x_real.shape:
        raise Wrong(
            f"D was called on {len(at)} images that ask for a gradient: {n} points are expected, one between each real "
            "image and its fake."
        )
    D.seen.clear()
    return value, D, at, (at - x_real) / (x_fake - x_real), source


def _judge_shares(t: Tensor) -> Tensor:
    """`Wrong` unless t (B, C, H, W), measured at every pixel, is one number an image, spread evenly: returns them."""
    one = t.flatten(1)[:, 0]
    if not close(t, one[:, None, None, None].expand_as(t), rtol=1e-3, atol=1e-3):
        if close(t, t[:, :, :1, :1].expand_as(t), rtol=1e-3, atol=1e-3):
            raise Wrong("t differs between the channels of an image: draw one t an image, of shape (B, 1, 1, 1).")
        if float(t.min()) > -1e-3 and float(t.max()) < 1.001:
            raise Wrong(
                "Every pixel has a t of its own: such points lie anywhere in the box between two images, and not on "
                "the line. Draw one t an image, of shape (B, 1, 1, 1)."
            )
        raise Wrong("D is not asked at points t x_real + (1 - t) x_fake, on the line between an image and its fake.")
    for place, where in ((0.0, "real images themselves"), (1.0, "fakes themselves")):
        if close(one, torch.full_like(one, place), atol=1e-3):
            raise Wrong(f"The slope is asked for at the {where}: take points between, with a random t for each image.")
    if close(one, one[:1].expand_as(one), atol=1e-3):
        raise Wrong(f"All images have one t, here {float(one[0]):.2f}: draw one for each image, of shape (B, 1, 1, 1).")
    if float(one.min()) < -1e-3 or float(one.max()) > 1.001:
        raise Wrong(
            f"t runs from {float(one.min()):.2f} to {float(one.max()):.2f}: it is uniform on [0, 1], `torch.rand`."
        )
    if ks_distance(one) > 2.7 / len(one) ** 0.5:
        raise Wrong("t is not evenly spread over [0, 1]: `torch.rand` draws it.")
    return one


def _penalty_mistakes(D: nn.Module, g: Tensor, t: Tensor, at: Tensor) -> list[tuple[Tensor, str]]:
    norm = g.flatten(1).norm(dim=1)
    scores = D(at).detach().sigmoid()
    squashed = norm * scores * (1 - scores)
    over = (
        "The norm is taken over {}: an image has one slope, over all its pixels and channels, `flatten(1)` first. "
        "(Published code has this mistake.)"
    )

    def penalty(lengths: Tensor) -> Tensor:
        return (lengths - 1).square().mean()

    return [
        (10 * penalty(norm), "The weight lambda = 10 comes later: return the mean of (norm - 1)^2."),
        (penalty(g.norm(dim=1)), over.format("the channels alone")),
        (penalty(g.norm(dim=2)), over.format("the rows alone")),
        (penalty(g.norm(dim=3)), over.format("the last axis alone")),
        (penalty(g.flatten(2).norm(dim=2)), over.format("each channel alone")),
        (penalty(g.norm()), "The norm is taken over the whole batch: each image has its own."),
        (penalty(g.abs()), "There is no norm: the derivative for each pixel is compared with 1."),
        (penalty(g), "There is no norm: the derivative for each pixel is compared with 1."),
        (
            penalty(norm / 60**0.5),
            "You take the mean over the pixels under the root: a norm is the root of their *sum*.",
        ),
        (penalty(norm.square()), "The squared norm is compared with 1: take the root first, (norm - 1)^2."),
        ((norm - 1).mean(), "The square is missing: a slope below 1 would be rewarded."),
        ((norm - 1).abs().mean(), "The difference from 1 is to be squared."),
        (norm.square().mean(), "This asks for the slope 0, as R1 does: WGAN's critic shall have the slope 1."),
        (
            (norm - 1).relu().square().mean(),
            "Only slopes above 1 are punished: a known variant, but the two-sided penalty is asked for.",
        ),
        (penalty(norm.mean()), "The mean comes before the square: then steep images hide behind flat ones."),
        ((norm - 1).square().sum(), "You sum over the batch: take the mean."),
        (
            penalty(norm / len(norm)),
            "You differentiated the *mean* of the scores, so each gradient is divided by the batch size: take the sum.",
        ),
        (penalty(squashed), "You differentiated the sigmoid of the score: a critic's score is taken as it is."),
        (penalty(norm * t), "You differentiated with respect to x_fake, which shrinks slopes: take the points."),
        (
            penalty(norm * (1 - t)),
            "You differentiated with respect to x_real, which shrinks slopes: take the points.",
        ),
        (penalty(g.flatten(1).abs().sum(1)), "The norm adds up absolute values: the Euclidean one is asked for."),
        (penalty(g.flatten(1).abs().amax(1)), "The norm is the largest derivative: the Euclidean one is asked for."),
    ]


def check_gradient_penalty(call: StudentFunction) -> str:
    """The check of `lesson07.gradient_penalty`: penalty(D, x_real, x_fake) at random points that it draws itself."""
    value, D, at, t, source = _shares(call, _B)
    value = one_number(value)
    one = _judge_shares(t)
    g = slopes(D, at)
    right = (g.flatten(1).norm(dim=1) - 1).square().mean()
    judge_value(value, right, _penalty_mistakes(D, g, one, at), f"a small D and {_B} images")
    check_graph(value, right, D, "pass `create_graph=True`, or the penalty is in the loss and not in its gradient.")
    check_apart(value, source)
    again = _judge_shares(_shares(call, _B)[3])
    if close(again, one, atol=1e-4):
        raise Wrong("The second call used the same t as the first: draw it anew in every call.")
    dead = _Dead()
    x_real, x_fake, _ = pairs(4)
    flat = one_number(call(dead, x_real, x_fake))
    gradients = torch.autograd.grad(flat, list(dead.parameters()), allow_unused=True)
    if not bool(flat.isfinite()) or any(item is not None and not bool(item.isfinite().all()) for item in gradients):
        raise Wrong(
            "Right, but where D is flat its gradient is NaN, since the root has an infinite slope at 0: use "
            "`.norm(2, dim=1)`, which knows that, or add 1e-12 under the root."
        )
    return "One t and one norm an image, and D feels it: multiplied by 10, this is all that WGAN-GP adds to WGAN."
