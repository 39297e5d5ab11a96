"""Checks of lesson 08's patches: how many pixels a logit sees, by arithmetic and by gradient."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from gancourse.exercises.checking.crashes import describe
from gancourse.exercises.checking.engine import StudentFunction, Wrong
from gancourse.exercises.checking.judging import judge_formula, scalar

# --- by arithmetic ---------------------------------------------------------------------------------------------------

Ints = Sequence[int]


def field(kernels: Ints, strides: Ints) -> int:
    """Pixels a side that one output of a stack of convolutions depends on; the first layer stands first."""
    seen = 1
    for kernel, stride in zip(reversed(kernels), reversed(strides), strict=True):
        seen = (seen - 1) * stride + kernel
    return seen


def _forwards(kernels: Ints, strides: Ints) -> int:
    return field(kernels[::-1], strides[::-1])


def _product(strides: Ints) -> int:
    found = 1
    for stride in strides:
        found *= stride
    return found


def _down(rule: Callable[[int, int, int], int], start: int = 1) -> Callable[[Ints, Ints], int]:
    """A walk from the last layer to the first by another rule: (pixels so far, kernel, stride) -> pixels."""

    def walk(kernels: Ints, strides: Ints) -> int:
        seen = start
        for kernel, stride in zip(reversed(kernels), reversed(strides), strict=True):
            seen = rule(seen, kernel, stride)
        return seen

    return walk


def _after(kernels: Ints, strides: Ints) -> int:
    """Each kernel spread by the strides up to and with its own."""
    return 1 + sum((k - 1) * _product(strides[: i + 1]) for i, k in enumerate(kernels))


_PADDED = "Padding moves the window a logit looks through, and does not change its size."


def check_receptive_field(call: StudentFunction) -> str:
    """The check of `lesson08.receptive_field`: receptive_field(kernels, strides), the first layer first."""
    cases = [
        ([4, 4, 4, 4, 4], [2, 2, 2, 1, 1]),  # Pix2Pix's D
        ([4, 4, 4, 4, 4], [2, 2, 2, 2, 1]),  # with four halvings
        ([4, 4, 4], [2, 1, 1]),
        ([5], [3]),
        ([7, 3, 4], [1, 2, 3]),
        ([1, 1], [1, 1]),
    ]
    points = [f"kernels {kernels} with strides {strides}" for kernels, strides in cases]
    mistakes: list[tuple[Callable[[Ints, Ints], int], str]] = [
        (
            _forwards,
            "You walk from the first layer to the last with the last one's rule: begin with one logit, and ask what "
            "it needs of the layer *below* it, down to the picture.",
        ),
        (lambda k, s: 1 + sum(i - 1 for i in k), "The strides are not used: behind a stride of 2, a step is 2 pixels."),
        (
            _down(lambda r, k, s: r * s + k),
            "r outputs have r - 1 gaps between them: the stride stands r - 1 times.",
        ),
        (_down(lambda r, k, s: (r - 1) * s + k, 0), "Begin with 1, the one logit, and not with 0."),
        (_down(lambda r, k, s: (r - 1) * s + k - 1), "One too few in every layer: the last of r windows is k wide."),
        (_down(lambda r, k, s: (r - 1) * k + s), "Kernel and stride are exchanged."),
        (_down(lambda r, k, s: r * s), "This is how far apart logits lie, the product of strides: kernels overlap."),
        (_down(lambda r, k, s: r * k), "The kernels are multiplied: neighbouring windows overlap."),
        (lambda k, s: sum(k), "The kernels are added: a kernel behind a stride of 2 reaches twice as far."),
        (_after, "A layer's own stride does not spread its own kernel: only the strides before it do."),
        (_down(lambda r, k, s: (r - 1) * s + k - 2), f"It takes padding off. {_PADDED}"),
        (_down(lambda r, k, s: (r - 1) * s + k + 2), f"It adds padding. {_PADDED}"),
        (lambda k, s: field(k, s) ** 2, "That is the number of pixels in the patch: its side is asked for."),
    ]
    judge_formula(call, cases, field, mistakes, points, exact=True)
    return (
        "70 pixels for Pix2Pix's D. With a fourth stride of 2, as a well-known collection has it, patches are 94 wide: "
        "nobody notices, since D trains all the same."
    )


# --- by gradient -----------------------------------------------------------------------------------------------------


def _judge_of_patches(channels: int, *layers: tuple[int, int, int], norm: bool = True) -> nn.Sequential:
    """A D of convolutions (kernel, stride, dilation), BatchNorm behind all but the first and last: (B, 1, H', W')."""
    parts: list[nn.Module] = []
    inputs = channels
    for i, (kernel, stride, dilation) in enumerate(layers):
        last = i == len(layers) - 1
        outputs = 1 if last else 6
        parts.append(nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, dilation))
        if i and not last and norm:
            parts.append(nn.BatchNorm2d(outputs))
        if not last:
            parts.append(nn.LeakyReLU(0.2))
        inputs = outputs
    return nn.Sequential(*parts)


_SEEN: list[tuple[str, Callable[[], nn.Sequential], int, int, int]] = [  # what, D, channels, side of x, what is right
    (
        "a D with one halving",
        lambda: _judge_of_patches(6, (4, 2, 1), (4, 1, 1), (4, 1, 1)),
        6,
        48,
        16,
    ),
    ("Pix2Pix's D", lambda: _judge_of_patches(6, *[(4, 2, 1)] * 3, *[(4, 1, 1)] * 2), 6, 160, 70),
    ("a D whose kernels have gaps", lambda: _judge_of_patches(3, (3, 1, 1), (3, 1, 2), (3, 2, 3)), 3, 40, 13),
    ("a D without BatchNorm", lambda: _judge_of_patches(3, (5, 2, 1), (3, 2, 1), norm=False), 3, 32, 9),
]


def check_pixels_seen(call: StudentFunction) -> str:
    """The check of `lesson08.pixels_seen`: pixels_seen(D, x), x one picture (1, C, H, W)."""
    for what, make, channels, side, right in _SEEN:
        D = make().train()
        state = copy.deepcopy(D.state_dict())
        x = torch.rand(1, channels, side, side) * 2 - 1
        given = x.clone()
        value = call(D, x)
        found = _whole(value)
        if any(not torch.equal(a, b) for a, b in zip(D.state_dict().values(), state.values(), strict=True)):
            raise Wrong(
                "D has changed: a forward in train mode moves BatchNorm's averages. Ask it in eval mode, where its "
                "logits also depend on nothing but their own patch."
            )
        if not torch.equal(x.detach(), given):
            raise Wrong("It changes x in place: work with a copy.")
        _judge_seen(found, right, what, make, x.detach())
    return (
        "The same numbers as by arithmetic, but of any network. Try it on a D with InstanceNorm: the statistics of a "
        "picture are those of all its pixels, so that each logit sees a little of everything."
    )


def _whole(value: Any) -> int:
    number = float(scalar(value))
    if not number.is_integer():
        raise Wrong(f"It returned {describe((value,))}: a whole number of pixels is expected.")
    return int(number)


def _gradient(D: nn.Module, x: Tensor, place: int | None, training: bool = False) -> Tensor:
    """Where the logit at (place, place), or the sum of all, has a gradient: (C, H, W), True or False."""
    x = x.clone().requires_grad_()
    logits = D.train(training)(x)
    asked = logits.sum() if place is None else logits[0, 0, place, place]
    (gradient,) = torch.autograd.grad(asked, x)
    touched: Tensor = gradient[0] != 0
    return touched


def _judge_seen(found: int, right: int, what: str, make: Callable[[], nn.Module], x: Tensor) -> None:
    if found == right:
        return
    D = make()
    logits = D.eval()(x).shape[-1]
    middle = _gradient(D, x, logits // 2)
    channels, side = len(middle), x.shape[-1]
    corner = int(_gradient(D, x, 0).any(0).any(0).sum())
    mistakes = [
        (
            int(middle.any(0).sum()),
            "That is the number of pixels in the patch: its side is asked for, how many rows have a gradient.",
        ),
        (int(middle.sum()), "That counts every number of the gradient, channels too: the side of the patch is asked."),
        (
            channels * right,
            "That counts each row once for each channel: a row counts where any channel has a gradient.",
        ),
        (corner, "A logit in the corner looks past the edge, into padding: take one in the middle."),
        (logits, "That is the number of logits a side: how many pixels does one of them see?"),
        (right - 1, "The first and the last row both count: last - first + 1."),
        (right + 1, "One too many: from the first row with a gradient to the last one."),
        (
            side,
            "Every pixel has a gradient: that of the *sum* of all logits, or of a D in train mode, whose BatchNorm "
            "looks at the whole batch. Ask one logit, in eval mode.",
        ),
    ]
    for wrong, message in mistakes:
        if found == wrong:
            raise Wrong(f"For {what} it gives {found}. {message}")
    hint = "Do you count small gradients as none? At the rim of a patch they are small, and not 0." * (found < right)
    raise Wrong(f"For {what} it gives {found}, and {right} is right. {hint}".rstrip())
