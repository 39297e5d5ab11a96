"""Checks of lesson 08's conditions: a class as planes behind an image, and the classes that fakes are made of."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gancourse.exercises.checking.crashes import describe
from gancourse.exercises.checking.engine import StudentFunction, Wrong
from gancourse.exercises.checking.judging import close
from gancourse.exercises.checking.training_steps import check_noise

# --- a class as planes -----------------------------------------------------------------------------------------------


def _told(x: Tensor, hot: Tensor) -> Tensor:
    """Images (B, 1, H, W) with a plane for each number of hot (B, K)."""
    planes = hot.to(x.dtype)[:, :, None, None].expand(-1, -1, *x.shape[2:])
    return torch.cat([x, planes], 1)


def check_with_class(call: StudentFunction) -> str:
    """The check of `lesson08.with_class`: with_class(x, y), (B, 1, 28, 28) and (B,) -> (B, 11, 28, 28)."""
    batches = [
        torch.tensor([3, 9, 0, 0, 7, 1]),
        torch.tensor([2, 5, 2]),  # the largest class is not among them
        torch.arange(28) % 10,  # as many images as an image has rows
        torch.tensor([9]),
    ]
    for y in batches:
        x = (torch.rand(len(y), 1, 28, 28) * 2 - 1).requires_grad_()
        given, label = x.detach().clone(), y.clone()
        value = call(x, label)
        if not isinstance(value, Tensor):
            raise Wrong(f"It returned {describe((value,))}: a tensor of shape ({len(y)}, 11, 28, 28) is expected.")
        if not torch.equal(x.detach(), given) or not torch.equal(label, y):
            raise Wrong("It changes x or y in place: others still need them, so make a new tensor.")
        _judge_planes(value, x.detach(), y)
        if not value.requires_grad or not torch.equal(*_slopes(value, x)):
            raise Wrong(
                "The numbers are right, but no gradient comes back to the images: G learns through them. Look for a "
                "`.detach()`, a `.data` or numpy."
            )
    return "Eleven channels: the image, nine planes of zeros, and one of ones that says which class D is to expect."


def _slopes(value: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
    weights = torch.linspace(-1, 1, value.numel()).reshape(value.shape)
    (found,) = torch.autograd.grad((value * weights).sum(), x, allow_unused=True)
    return torch.zeros_like(x) if found is None else found, weights[:, :1].contiguous()


def _judge_planes(value: Tensor, x: Tensor, y: Tensor) -> None:
    b, shape = len(y), tuple(value.shape)
    if shape == (b, 10, 28, 28):
        missing = "the image itself is missing" if _planes_only(value) else "one of nine classes with it"
        raise Wrong(f"It has 10 channels, and 11 are expected: the image and ten planes. Here {missing}.")
    if shape == (b, 2, 28, 28):
        raise Wrong(
            "The class is one plane that holds a number: then 9 is nine times as much as 1, and 4 lies between 3 and "
            "5. Give each class a plane of its own."
        )
    if int(y.max()) < 9 and shape == (b, 2 + int(y.max()), 28, 28):
        raise Wrong(
            f"For classes up to {int(y.max())} it made {int(y.max()) + 1} planes: a batch need not hold every class. "
            "Say how many there are, `F.one_hot(y, 10)`."
        )
    if shape != (b, 11, 28, 28):
        raise Wrong(f"For {b} images it returned shape {shape}: ({b}, 11, 28, 28) is expected.")
    if not value.is_floating_point():
        raise Wrong(f"It returned whole numbers ({value.dtype}): pixels between -1 and 1 are lost.")
    hot = F.one_hot(y, 10).float()
    number = hot * y[:, None]
    mistakes = [
        (torch.cat([_told(x, hot)[:, 1:], x], 1), "The planes stand before the image: the image comes first."),
        (_told(x, 1 - hot), "The planes are turned round: the plane of the class is 1, the others are 0."),
        (_told(x, 2 * hot - 1), "Planes are -1 and 1: one-hot is asked for, 0 and 1."),
        (_told(x, number), "The plane of a class holds its number: it is 1, for each class alike."),
        (_told(x, y[:, None].expand(-1, 10)), "All ten planes hold the number of the class: one of them is 1."),
        (_told(x, hot.flip(1)), "The planes stand in the opposite order: plane k is that of class k."),
        (_told(x, hot.roll(-1, 1)), "Each class has the plane before its own: classes are counted from 0."),
        (_told(x, hot.roll(1, 1)), "Each class has the plane after its own: classes are counted from 0."),
        (_told(x, hot.t().reshape(b, 10)), _AXES),
        (_told(x, hot[:1].expand(b, -1)), "Every image has the class of the first: each has its own."),
        (_told(x, hot.flip(0)), "The images have each other's classes."),
    ]
    for axis in (2, 3):
        if b == 28:  # what broadcasting does where a batch has as many images as an image has rows
            spread = hot.t().reshape(1, 10, *((28, 1) if axis == 2 else (1, 28))).expand(28, -1, 28, 28)
            mistakes.append((torch.cat([x, spread], 1), _AXES))
    found = value.detach().float()
    if close(found, _told(x, hot)):
        return
    for wrong, message in mistakes:
        if close(found, wrong):
            raise Wrong(message)
    if not close(found[:, :1], x):
        raise Wrong("The first channel is not the image any more: it goes through as it is.")
    if close(found[:, 1:].mean((2, 3)) * 784, hot) or close(found[:, 1:].amax((2, 3)), hot):
        raise Wrong("The class stands in a part of its plane only: the whole plane is 1, for D looks at every place.")
    raise Wrong("The image is right, the planes are not: plane k of an image is 1 everywhere if k is its class, or 0.")


_AXES = (
    "The planes have their axes mixed up: one_hot gives (B, 10), one row an image. `[:, :, None, None]` adds height "
    "and width behind, and `expand` fills them."
)


def _planes_only(value: Tensor) -> bool:
    return bool(((value == 0) | (value == 1)).all())


# --- the classes of fakes --------------------------------------------------------------------------------------------


class _Told(nn.Module):
    """z (B, 100) and classes (B,) -> images (B, 1, 2, 2) that show both; notes what it was given."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(()))
        self.seen: list[tuple[Tensor, Tensor]] = []

    def forward(self, z: Tensor, y: Tensor) -> Tensor:
        self.seen.append((z.detach().clone(), y.detach().clone()))
        mixed: Tensor = self.weight * (z[:, :4] + y.reshape(-1, 1).to(z.dtype))
        return mixed.reshape(-1, 1, 2, 2)


def check_conditional_fakes(call: StudentFunction) -> str:
    """The check of `lesson08.conditional_fakes`: conditional_fakes(G, n) -> (images, classes)."""
    n = 5000
    z, y = _drawn(call, n)
    if y.is_floating_point():
        raise Wrong(f"The classes are {y.dtype}, and whole numbers are expected: `torch.randint` gives int64.")
    low, high = int(y.min()), int(y.max())
    if low == high:
        raise Wrong(f"All {n} fakes have the class {low}: draw one for each of them.")
    for wrong, message in (
        (
            (0, 8),
            "0 to 8: the upper end of `torch.randint` (and of numpy's) is not among its draws. G never makes a 9.",
        ),
        ((1, 9), "1 to 9: the class 0 is never drawn."),
        ((1, 10), "1 to 10: the ten classes are counted from 0."),
        ((0, 10), "0 to 10: there is no class 10."),
    ):
        if (low, high) == wrong:
            raise Wrong(f"In {n} draws the classes are {message}")
    if (low, high) != (0, 9):
        raise Wrong(f"In {n} draws the classes are {low} to {high}: 0 to 9 are expected.")
    counts = torch.bincount(y, minlength=10)
    uneven = (counts - n / 10).abs()
    if float(uneven.max()) > 6 * (0.09 * n) ** 0.5:
        rare = int(uneven.argmax())
        raise Wrong(
            f"Not all classes are equally likely: of {n} draws {int(counts[rare])} are {rare}, and about {n // 10} are "
            "expected. (Rounding does so to both ends.)"
        )
    steps = torch.bincount((y[1:] - y[:-1]) % 10, minlength=10)
    if float((steps - n / 10).abs().max()) > 6 * (0.09 * n) ** 0.5:
        raise Wrong("The classes come in an order: draw each of them on its own, `torch.randint`.")
    check_noise(z, n)
    _, again = _drawn(call, n)
    if torch.equal(y, again):
        raise Wrong("The second call drew the same classes: draw them afresh each time.")
    if len(_drawn(call, 7)[1]) != 7:
        raise Wrong("For n = 7 there are not 7 classes.")
    return (
        "Ten classes, 9 among them, and D is told the one that G was: a digit that is never asked for is never learned."
    )


def _drawn(call: StudentFunction, n: int) -> tuple[Tensor, Tensor]:
    """One call: z and classes that G was given; `Wrong` unless what came back belongs to them."""
    G = _Told()
    value: Any = call(G, n)
    if not isinstance(value, tuple | list) or len(value) != 2 or not all(isinstance(v, Tensor) for v in value):
        raise Wrong(f"It returned {describe((value,))}: a pair is expected, G's images and their classes.")
    if len(G.seen) != 1:
        raise Wrong(f"G was called {len(G.seen)} times: once, on n z and n classes.")
    images, y = value
    z, given = G.seen[0]
    if len(z) != n or tuple(given.shape) != (n,):
        raise Wrong(
            f"For n = {n} G was given z of shape {tuple(z.shape)} and classes of shape {tuple(given.shape)}: ({n}, 100)"
            f" and ({n},) are expected."
        )
    if images.shape != (n, 1, 2, 2) or not torch.equal(images.detach(), G(z, given).detach()):
        raise Wrong("The first of the pair is not what G made: return its images as they are.")
    if tuple(y.shape) != (n,) or not torch.equal(y.detach().to(given.dtype), given):
        raise Wrong(
            "The classes that are returned are not those that G was given: D would be told another class than G, and "
            "G would be punished for doing what it was asked."
        )
    return z, y.detach()
