"""Checks of lesson 09's layers: InstanceNorm by hand, and the ends of a translator, padded by reflection."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn

from gancourse.exercises.checking.crashes import brief, describe
from gancourse.exercises.checking.engine import StudentFunction, Wrong
from gancourse.exercises.checking.layers import by_hand, compare
from gancourse.exercises.checking.same_network import judge_network

# --- InstanceNorm ----------------------------------------------------------------------------------------------------


def check_instance_norm(call: StudentFunction) -> str:
    """The check of `lesson09.instance_norm`: instance_norm(x, eps), x (B, C, H, W)."""
    for shape, eps in (((4, 3, 5, 2), 1e-5), ((1, 2, 3, 4), 0.1)):
        x = torch.randn(shape, dtype=torch.float64) * torch.rand(*shape[:2], 1, 1).double().mul(3).add(0.5)
        x += torch.randn(*shape[:2], 1, 1).double()
        x[0, 1] *= 0.003  # a channel in which eps decides
        given = x.clone()
        value = by_hand(call, (given, eps), "instance_norm", "batch_norm", "layer_norm", "group_norm")
        if not torch.equal(given, x):
            raise Wrong("It changes x in place: others may still need it, so make a new tensor.")
        right = _normed(x, (2, 3), eps)
        compare(value, right, _mistakes(x, eps), "These are not the pictures normalised channel by channel.")
        still = torch.full(shape, 0.25, dtype=torch.float64)
        compare(
            call(still, eps),
            torch.zeros_like(still),
            [(still * torch.nan, "A flat channel becomes NaN: eps is missing.")],
            "A channel that is the same everywhere becomes 0: its mean is taken away.",
        )
    return "Each channel of each picture has mean 0 and variance 1 now: brightness and contrast are lost on purpose."


def _normed(x: Tensor, axes: tuple[int, ...], eps: float, unbiased: bool = False) -> Tensor:
    var = x.var(axes, unbiased=unbiased, keepdim=True)
    return (x - x.mean(axes, keepdim=True)) / (var + eps).sqrt()


def _mistakes(x: Tensor, eps: float) -> list[tuple[Tensor, str]]:
    mean, var = x.mean((2, 3), keepdim=True), x.var((2, 3), unbiased=False, keepdim=True)
    mistakes = [
        (
            _normed(x, (0, 2, 3), eps),
            "The mean is over the batch as well: this is BatchNorm. Each picture has statistics of its own.",
        ),
        (
            _normed(x, (1, 2, 3), eps),
            "The mean is over the channels as well: this is LayerNorm. Each channel has statistics of its own.",
        ),
        (_normed(x, (1,), eps), "The mean is over the channels of each pixel: it is over the pixels of each channel."),
        (_normed(x, (2,), eps), "The mean is over the rows alone: take both axes, (2, 3)."),
        (_normed(x, (3,), eps), "The mean is over the last axis alone: take both axes, (2, 3)."),
        (_normed(x, (0, 1, 2, 3), eps), "One mean for everything: each channel of each picture has its own."),
        (
            _normed(x, (2, 3), eps, unbiased=True),
            "The variance divides by n - 1: normalisation takes the plain mean of squares, `unbiased=False`.",
        ),
        ((x - mean) / (var.sqrt() + eps), "eps stands outside of the root: it is added to the variance."),
        (
            (x - mean) / (x.std((2, 3), keepdim=True) + eps),
            "eps stands outside of the root, and the variance divides by n - 1.",
        ),
        ((x - mean) / var.sqrt(), "eps is missing: a flat channel would become NaN."),
        ((x - mean) / (var + eps), "You divide by the variance: take its root."),
        (x / (var + eps).sqrt(), "The mean is not taken away."),
        (x - mean, "You do not divide by the root of the variance."),
    ]
    if eps != 1e-5:
        mistakes = [(_normed(x, (2, 3), 1e-5), "eps is always 1e-5: use the argument."), *mistakes]
    return mistakes


# --- reflection ------------------------------------------------------------------------------------------------------

PUBLISHED = '''\
import torch
from torch import nn


def ends(channels):
    """Pictures (B, channels, H, W) in [-1, 1] -> such: the ends of a translator, with one layer between them."""
    return nn.Sequential(
        nn.ReflectionPad2d(channels),
        nn.Conv2d(channels, 8, 7),
        nn.InstanceNorm2d(8),
        nn.ReLU(),
        nn.ReflectionPad2d(1),
        nn.Conv2d(8, 8, 3),
        nn.InstanceNorm2d(8),
        nn.ReLU(),
        nn.ReflectionPad2d(channels),
        nn.Conv2d(8, channels, 7),
        nn.Tanh(),
    )
'''


def _ends(
    channels: int,
    pads: tuple[int, int, int] = (3, 1, 3),
    pad: Callable[[int], nn.Module] = nn.ReflectionPad2d,
    norms: tuple[bool, bool] = (True, True),
    biases: tuple[bool, bool] = (True, True),
    act: Callable[[], nn.Module] = nn.ReLU,
    last: Callable[[], nn.Module] = nn.Tanh,
) -> nn.Sequential:
    def normed(layer: nn.Module, is_normed: bool) -> list[nn.Module]:
        return [layer, nn.InstanceNorm2d(8) if is_normed else nn.Identity(), act()]

    return nn.Sequential(
        pad(pads[0]),
        *normed(nn.Conv2d(channels, 8, 7, bias=biases[0]), norms[0]),
        pad(pads[1]),
        *normed(nn.Conv2d(8, 8, 3, bias=biases[1]), norms[1]),
        pad(pads[2]),
        nn.Conv2d(8, channels, 7),
        last(),
    )


def check_ends(call: StudentFunction) -> str:
    """The check of `lesson09.ends`: ends(channels) -> a Module that keeps the pictures' shape."""
    for channels, height, width in ((3, 20, 24), (1, 20, 24), (4, 17, 19)):
        net = call(channels)
        if not isinstance(net, nn.Module):
            raise Wrong(f"It returned {describe((net,))}: a Module is expected, an `nn.Sequential` for one.")
        x = torch.rand(2, channels, height, width) * 2 - 1
        try:
            y = net(x)
        except Exception as error:
            raise Wrong(f"On pictures {tuple(x.shape)} it stopped with {brief(error)}.") from None
        if not isinstance(y, Tensor) or y.ndim != 4 or y.shape[:2] != x.shape[:2]:
            raise Wrong(f"Of pictures {tuple(x.shape)} it makes {describe((y,))}: such pictures are expected again.")
        if y.shape != x.shape:
            raise Wrong(_sizes(channels, height, int(y.shape[2])))
        _judge_ends(lambda channels=channels: call(channels), channels, x)  # type: ignore[misc]
    return "A convolution of k x k takes (k - 1) / 2 pixels on each side, whatever the channels: 3 for 7, 1 for 3."


def _judge_ends(make: Callable[[], nn.Module], channels: int, x: Tensor) -> None:
    build = partial(_ends, channels)
    mistakes: list[tuple[Callable[[], nn.Module], str]] = [
        (
            partial(build, pad=nn.ZeroPad2d),
            "The size is right, but the borders are padded with 0, a grey frame: reflect them, as the listing did.",
        ),
        (
            partial(build, pad=nn.ReplicationPad2d),
            "The size is right, but the borders repeat the outermost pixel: reflect them, as the listing did.",
        ),
        (partial(build, last=nn.Identity), "The tanh at the end is missing."),
        (partial(build, last=nn.Sigmoid), "It ends in a sigmoid: pictures lie in [-1, 1], so it is tanh."),
        (partial(build, norms=(False, False)), "The InstanceNorms are missing: only the padding is to change."),
        (partial(build, norms=(True, False)), "The second InstanceNorm is missing: only the padding is to change."),
        (partial(build, norms=(False, True)), "The first InstanceNorm is missing: only the padding is to change."),
        *[
            (
                partial(build, pads=pads),
                "Sizes are right in the end, but the three pads are not those of their convolutions: each gives back "
                "what the next convolution takes.",
            )
            for pads in ((4, 0, 3), (3, 0, 4), (2, 2, 3), (3, 2, 2), (7, 0, 0), (2, 1, 4), (4, 1, 2))
            if max(pads) < min(x.shape[2:])
        ],
    ]
    rights = [partial(build, biases=biases) for biases in ((True, True), (False, False), (True, False), (False, True))]
    otherwise = (
        "Sizes are right, but given the same weights your network and the listing's, padded as it should be, differ: "
        "{part} are not the same. Only the padding is to change."
    )
    judge_network(make, rights, x, mistakes, otherwise)


def _sizes(channels: int, side: int, got: int) -> str:
    lost = side - got
    change = f"loses {lost}" if lost > 0 else f"gains {-lost}"
    why = {
        12 - 4 * channels: "The pad is still the number of channels, which fits by chance where that is 3",
        14: "None of the three convolutions is padded",
        12: "The 7 x 7 convolutions are not padded: they take 3 pixels on each side",
        6: "One of the 7 x 7 convolutions is not padded: it takes 3 pixels on each side",
        2: "The 3 x 3 convolution is not padded: it takes one pixel on each side",
    }.get(lost, "A convolution of k x k takes (k - 1) / 2 pixels on each side")
    return f"With {channels} channels the picture {change} of {side} pixels a side. {why}."
