"""Checks of lesson 03's layers by hand: both get the same weights, and what they compute is compared."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from gancourse.exercises.checking.crashes import describe
from gancourse.exercises.checking.engine import StudentFunction, Wrong
from gancourse.exercises.checking.judging import close


class _NotBy(TorchFunctionMode):
    """While active, `Wrong` for a call of PyTorch's own solution, by its name in torch."""

    def __init__(self, *names: str) -> None:
        super().__init__()
        self.names, self.used = names, ""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = getattr(func, "__name__", "")
        if any(name.startswith(own) for own in self.names):
            self.used = name
        return func(*args, **(kwargs or {}))


def by_hand(call: StudentFunction, args: tuple[Any, ...], *own: str) -> Any:
    """The student's value; `Wrong` where it came from one of PyTorch's functions whose names begin with `own`."""
    with _NotBy(*own) as watch:
        value = call(*args)
    if watch.used:
        raise Wrong(f"It calls PyTorch's own `{watch.used}`: write out here what that function does.")
    return value


def compare(value: Any, right: Tensor, mistakes: Iterable[tuple[Tensor, str]], otherwise: str) -> None:
    """`Wrong` unless `value` is `right`, with the message of the mistake that gives the same numbers, if any does."""
    if not isinstance(value, Tensor):
        raise Wrong(f"It returned {describe((value,))}: a tensor of shape {tuple(right.shape)} is expected.")
    value = value.detach().to(torch.float64)
    if close(value, right, rtol=1e-4, atol=1e-4):
        return
    for mistaken, message in mistakes:
        if close(value, mistaken, rtol=1e-4, atol=1e-4):
            raise Wrong(message)
    if value.shape != right.shape:
        why = " A slice `[0:-0]` is empty." if value.numel() == 0 else ""
        raise Wrong(f"It returned shape {tuple(value.shape)}, and {tuple(right.shape)} is expected.{why}")
    raise Wrong(otherwise)


# --- BatchNorm -------------------------------------------------------------------------------------------------------


def check_batch_norm(call: StudentFunction) -> str:
    """The check of `lesson03.batch_norm`: batch_norm(x, weight, bias, mean, var, training) against nn.BatchNorm2d."""
    ours = nn.BatchNorm2d(3).double()
    with torch.no_grad():
        ours.weight.copy_(torch.tensor([1.5, -0.7, 0.4]))
        ours.bias.copy_(torch.tensor([0.2, -1.0, 3.0]))
    mean, var = ours.running_mean.clone(), ours.running_var.clone()  # type: ignore[union-attr, operator]
    scale = torch.tensor([2.0, 0.01, 1.0])[:, None, None].double()  # in the second channel eps decides
    for _ in range(2):
        x = torch.randn(4, 3, 2, 3, dtype=torch.float64) * scale + torch.tensor([1.0, 0.0, -2.0])[:, None, None]
        before = mean.clone(), var.clone()
        given = x.clone()
        value = by_hand(call, (given, ours.weight.detach(), ours.bias.detach(), mean, var, True), "batch_norm")
        compare(value, ours.train()(x).detach(), _norm_mistakes(x, ours, before), _NORM_OTHERWISE)
        if not torch.equal(given, x):
            raise Wrong("It changes x in place: others may still need it, so make a new tensor.")
        _running("mean", mean, before[0], ours.running_mean, x.mean((0, 2, 3)), x.mean((0, 2, 3)))
        _running("var", var, before[1], ours.running_var, x.var((0, 2, 3)), x.var((0, 2, 3), unbiased=False))
    kept = mean.clone(), var.clone()
    value = by_hand(call, (x.clone(), ours.weight.detach(), ours.bias.detach(), mean, var, False), "batch_norm")
    in_train = F.batch_norm(x, None, None, ours.weight.detach(), ours.bias.detach(), training=True)
    if not (torch.equal(kept[0], mean) and torch.equal(kept[1], var)):
        raise Wrong("With training=False it moves the running averages: looking at images must leave no trace.")
    compare(
        value,
        ours.eval()(x).detach(),
        [
            (
                in_train,
                "With training=False it still normalises by the batch: there the running averages take its place.",
            )
        ],
        "With training=False the result is not that of the running averages.",
    )
    return "The same images, and the same running averages, as nn.BatchNorm2d with your weights."


_NORM_OTHERWISE = (
    "These are not the numbers of nn.BatchNorm2d with the same weight and bias. One mean and one variance a channel, "
    "over the batch, the height and the width; then weight and bias, one of each a channel."
)


def _norm_mistakes(x: Tensor, norm: nn.BatchNorm2d, running: tuple[Tensor, Tensor]) -> list[tuple[Tensor, str]]:
    weight, bias = norm.weight.detach()[:, None, None], norm.bias.detach()[:, None, None]

    def by(mean: Tensor, deviation: Tensor) -> Tensor:
        return weight * (x - mean) / deviation + bias

    def statistics(axes: tuple[int, ...], unbiased: bool = False, eps: float = norm.eps) -> Tensor:
        return by(x.mean(axes, keepdim=True), (x.var(axes, unbiased=unbiased, keepdim=True) + eps).sqrt())

    usual = (0, 2, 3)
    spread = x.std(usual, unbiased=False, keepdim=True)
    plain = (x - x.mean(usual, keepdim=True)) / (spread**2 + norm.eps).sqrt()
    moved = 0.9 * running[0] + 0.1 * x.mean(usual), 0.9 * running[1] + 0.1 * x.var(usual)
    by_running = [by(mean[:, None, None], (var[:, None, None] + norm.eps).sqrt()) for mean, var in (running, moved)]
    return [
        (statistics(usual, unbiased=True), "The variance divides by n - 1; the normalisation uses the one over n."),
        (statistics((2, 3)), "These are the statistics of each image on its own: BatchNorm's are those of the batch."),
        (statistics((0,)), "These are the statistics of each pixel: BatchNorm shares them over height and width too."),
        (statistics((1, 2, 3)), "These are the statistics over all channels of an image: each channel has its own."),
        (by(x.mean(), (x.var(unbiased=False) + norm.eps).sqrt()), "One mean for everything: each channel has its own."),
        (statistics(usual, eps=0.0), "eps is missing: it belongs to the variance, under the root."),
        (
            by(x.mean(usual, keepdim=True), spread + norm.eps),
            "eps is added to the deviation: it belongs under the root.",
        ),
        (
            by(x.mean(usual, keepdim=True), spread**2 + norm.eps),
            "It divides by the variance: take the square root, the standard deviation.",
        ),
        (plain, "Weight and bias, the two learned numbers of each channel, are missing."),
        (plain * weight, "The bias is missing."),
        (plain + bias, "The weight is missing."),
        *((values, "In training the batch's own statistics count, not the running ones.") for values in by_running),
    ]


def _running(name: str, found: Tensor, before: Tensor, right: Any, batch: Tensor, biased: Tensor) -> None:
    """`Wrong` unless the running average has moved as PyTorch's: 0.9 of the old, 0.1 of the batch's."""
    if close(found, right, rtol=1e-6, atol=1e-8):
        return
    if torch.equal(found, before):
        raise Wrong(
            f"The running {name} has not moved: change the tensor `{name}` in place, as `{name}.mul_(0.9)` does."
        )
    if close(found, 0.1 * before + 0.9 * batch, rtol=1e-6, atol=1e-8):
        raise Wrong(f"The weights of the running {name} are exchanged: 0.9 of the old average, 0.1 of the batch.")
    if name == "var" and close(found, 0.9 * before + 0.1 * biased, rtol=1e-6, atol=1e-8):
        raise Wrong(
            "The running variance takes the batch's over n; PyTorch's keeps the one over n - 1, the "
            "estimate for all data."
        )
    raise Wrong(f"The running {name} should become 0.9 of the old one plus 0.1 of the batch's.")


# --- the transposed convolution --------------------------------------------------------------------------------------


def check_transposed_convolution(call: StudentFunction) -> str:
    """The check of `lesson03.transposed_convolution`: f(x, weight, stride, padding) against nn.ConvTranspose2d."""
    cases = [(3, 2, 4, 2, 1, (2, 3)), (2, 2, 3, 1, 0, (3, 2)), (1, 3, 3, 2, 1, (4, 4)), (4, 4, 4, 2, 1, (7, 7))]
    for c_in, c_out, kernel, stride, padding, size in cases:
        layer = nn.ConvTranspose2d(c_in, c_out, kernel, stride, padding, bias=False).double()
        x = torch.randn(2, c_in, *size, dtype=torch.float64)
        weight = layer.weight.detach()
        what = f"x {tuple(x.shape)}, kernel {kernel}, stride {stride}, padding {padding}"
        value = by_hand(call, (x.clone(), weight.clone(), stride, padding), "conv_transpose")
        mistakes = _transposed_mistakes(x, weight, stride, padding)
        compare(value, layer(x).detach(), mistakes, f"For {what} these are not the numbers of nn.ConvTranspose2d.")
    return (
        "Stamp by stamp the same image as nn.ConvTranspose2d with the same weights, G's second layer among the sizes."
    )


def _stamped(x: Tensor, weight: Tensor, stride: int, add: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
    """The stamps of all pixels, before padding is cut off; add: what becomes of a place that is stamped again."""
    (b, _, h, w), (_, c_out, k, _) = x.shape, weight.shape
    out = x.new_zeros(b, c_out, (h - 1) * stride + k, (w - 1) * stride + k)
    for i in range(h):
        for j in range(w):
            stamp = torch.einsum("bc,cokl->bokl", x[:, :, i, j], weight)
            place = out[:, :, i * stride : i * stride + k, j * stride : j * stride + k]
            place.copy_(add(place, stamp))
    return out


def _transposed_mistakes(x: Tensor, weight: Tensor, stride: int, padding: int) -> list[tuple[Tensor, str]]:
    def cut(out: Tensor, by: int = padding) -> Tensor:
        return out[:, :, by : out.shape[2] - by, by : out.shape[3] - by]

    def summed(kernel: Tensor, step: int = stride) -> Tensor:
        return _stamped(x, kernel, step, lambda old, new: old + new)

    mistakes = [
        (cut(_stamped(x, weight, stride, lambda old, new: new)), "Where stamps overlap they add up: yours replace."),
        (cut(summed(weight.flip(2, 3))), "The kernel is turned round: a stamp is the kernel as it is."),
        (cut(summed(weight.transpose(2, 3))), "The kernel's rows and columns are exchanged."),
    ]
    if padding:
        mistakes.append((summed(weight), "The padding is not cut off: that many rows and columns on each side."))
    if stride > 1:
        mistakes.append((cut(summed(weight, 1)), "The stamps lie one pixel apart: they lie `stride` pixels apart."))
    if weight.shape[0] == weight.shape[1]:
        mistakes.append(
            (cut(summed(weight.transpose(0, 1))), "The kernel's channels are exchanged: weight is (c_in, c_out, k, k).")
        )
    return mistakes
