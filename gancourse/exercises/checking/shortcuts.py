"""The check of lesson 12's residual block, whose first ReLU must leave the shortcut's input alone."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gancourse.exercises.checking.engine import StudentFunction, Wrong
from gancourse.exercises.checking.styles import Slip, judge_tensor


def check_block(call: StudentFunction) -> str:
    """The check of `lesson12.block`: block(x, conv1, conv2, shortcut), (B, C, H, W) -> (B, O, H, W)."""
    for b, c, o, side in ((3, 4, 4, 5), (2, 3, 5, 4)):
        layers = nn.Conv2d(c, o, 3, padding=1), nn.Conv2d(o, o, 3, padding=1), nn.Conv2d(c, o, 1)
        _judge_first_relu(call, b, c, side, layers)
        otherwise = (
            f"For x {(b, c, side, side)} these are not conv2(relu(conv1(relu(x)))) + shortcut(x), with the x that came "
            "in."
        )
        judge_tensor(call, {"x": torch.randn(b, c, side, side)}, layers, _block, _BLOCK_SLIPS, otherwise)
    return (
        "The same numbers wherever x is positive, so nothing looks wrong; but what is negative was gone for good in "
        "every block, and gradients with it. BigGAN-PyTorch has a comment on that very line, for those who come after."
    )


def _judge_first_relu(call: StudentFunction, b: int, c: int, side: int, layers: tuple[nn.Module, ...]) -> None:
    kept = torch.randn(b, c, side, side)
    x = kept.clone()
    call(x, *layers)
    if not torch.equal(x, kept) and torch.equal(x, kept.relu()):
        raise Wrong(
            "The first ReLU writes its result over x: whatever is negative in it has gone before the shortcut takes "
            "it, and from the layers before as well. A ReLU that is not in place makes a new tensor."
        )


def _block(x: Tensor, conv1: nn.Module, conv2: nn.Module, shortcut: nn.Module) -> Tensor:
    out: Tensor = conv2(F.relu(conv1(F.relu(x)))) + shortcut(x)
    return out


_BLOCK_SLIPS: list[Slip] = [
    (
        lambda x, a, b, s: b(F.relu(a(F.relu(x)))) + s(F.relu(x)),
        "The shortcut is given relu(x): it carries x as it came in, negative numbers included.",
    ),
    (
        lambda x, a, b, s: b(F.relu(a(x))) + s(x),
        "The first ReLU has gone: x as it is goes to the shortcut alone, conv1 gets relu(x).",
    ),
    (lambda x, a, b, s: b(a(F.relu(x))) + s(x), "The second ReLU has gone: it stands between the two convolutions."),
    (lambda x, a, b, s: b(a(x)) + s(x), "Both ReLUs have gone: it is the first one's `inplace=True` that is wrong."),
    (
        lambda x, a, b, s: F.relu(b(F.relu(a(F.relu(x)))) + s(x)),
        "There is a ReLU behind the sum: then the next block's shortcut has nothing negative again.",
    ),
    (lambda x, a, b, s: F.relu(b(F.relu(a(F.relu(x))))) + s(x), "There is one ReLU too many, behind conv2."),
    (lambda x, a, b, s: b(F.relu(a(F.relu(x)))), "The shortcut is missing."),
    (lambda x, a, b, s: b(F.relu(a(F.relu(x)))) + x, "x is added as it is: it goes through `shortcut`, a 1x1 layer."),
    (
        lambda x, a, b, s: b(F.leaky_relu(a(F.leaky_relu(x, 0.2)), 0.2)) + s(x),
        "These are LeakyReLUs: ReLU was right, only not in place.",
    ),
    (
        lambda x, a, b, s: b(F.relu(a(F.relu(x)))) + F.relu(s(x)),
        "There is a ReLU behind the shortcut: it carries negative numbers as well.",
    ),
]
